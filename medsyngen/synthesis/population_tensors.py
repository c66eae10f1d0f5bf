"""A population as named tensors, for checkpoints and generator files, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from medsyngen.errors import VerificationFailed
from medsyngen.synthesis.variation import Population


def to_tensors(population: Population) -> dict[str, Tensor]:
    """Returns ``pixels``, ``classes`` and, if there are any, ``places``."""
    tensors = {"pixels": torch.from_numpy(population.pixels), "classes": torch.from_numpy(population.classes)}
    if population.places is not None:
        tensors["places"] = torch.from_numpy(population.places)
    return tensors


def from_tensors(tensors: Mapping[str, Tensor]) -> Population:
    """Returns the population that :func:`to_tensors` wrote, the same to the last bit.

    Raises:
        VerificationFailed: The tensors are not those of a population.
    """
    try:
        if not {"pixels", "classes"} <= tensors.keys() <= {"pixels", "classes", "places"}:
            raise ValueError("other tensors")
        places = tensors.get("places")
        return Population(
            np.asarray(tensors["pixels"].numpy(), np.float32),
            np.asarray(tensors["classes"].numpy(), np.int64),
            None if places is None else np.asarray(places.numpy(), np.float64),
        )
    except ValueError as error:
        raise VerificationFailed(
            "the file holds no population of synthetic images",
            do="restore it, or fit again in a new run folder; what was charged stays charged",
        ) from error


def joined(parts: Sequence[Population]) -> Population:
    """Returns the members of several populations of one source, in order; at least one."""
    places = [part.places for part in parts if part.places is not None]
    return Population(
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.classes for part in parts]),
        np.concatenate(places) if places else None,
    )
