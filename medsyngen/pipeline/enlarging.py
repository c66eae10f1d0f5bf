"""The second network of a run, that enlarges what the method draws: phantoms alone teach it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from medsyngen.errors import VerificationFailed
from medsyngen.progress import Progress, silent
from medsyngen.recipe import Recipe
from medsyngen.synthesis.enlarged_generator import EnlargedGenerator, split_tensors
from medsyngen.synthesis.synthesizer import Generator


def detail_weights(recipe: Recipe, device: torch.device, progress: Progress = silent) -> dict[str, Tensor] | None:
    """Returns the weights of the second network, trained now if nobody has it; None if the recipe wants none.

    Guarantee: takes no scan; it is called before anything is charged, so that what fails here costs nothing.

    Args:
        recipe: Says what is to be made.
        device: Where to train.
        progress: Told how far it is.
    """
    if recipe.enlargement is None:
        return None
    return recipe.enlargement.weights(recipe.scans.side, device=device, progress=progress)


def enlarged(
    recipe: Recipe, generator: Generator, weights: Mapping[str, Tensor] | None, device: torch.device
) -> Generator:
    """Returns the generator, its images enlarged if the recipe says so: post-processing."""
    if recipe.enlargement is None or not weights:
        return generator
    return EnlargedGenerator(generator, recipe.enlargement, weights, device)


def restored(
    recipe: Recipe, tensors: Mapping[str, Tensor], *, seeded: bool, private: bool, device: torch.device
) -> Generator:
    """Returns the generator whose tensors these are.

    Raises:
        VerificationFailed: They are not of this recipe's method, or the second network is missing or too many.
    """
    small, detail = split_tensors(tensors)
    if bool(detail) != (recipe.enlargement is not None):
        raise VerificationFailed(
            "the generator does not belong to the recipe beside it: one of them enlarges images",
            do="restore recipe.yaml, or fit again in a new run folder",
        )
    generator = recipe.synthesis.restore(small, recipe.target, seeded=seeded, private=private, device=device)
    return enlarged(recipe, generator, detail, device)
