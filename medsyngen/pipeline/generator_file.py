"""A finished generator on disk, and back."""

from __future__ import annotations

import io
from typing import Any

import torch

from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.formats.orthogonal import as_pictures
from medsyngen.pipeline.enlarging import restored
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.chain import Head
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.progress import Progress
from medsyngen.recipe import Recipe
from medsyngen.synthesis.generator import generator_bytes, read_tensors
from medsyngen.synthesis.synthesizer import Generator, Target

PREVIEW_IMAGES = 64
PREVIEW_VOLUMES = 8


def target_of(recipe: Recipe) -> Target:
    """Returns what the recipe wants to be made."""
    return recipe.target


def save_generator(folder: RunFolder, generator: Generator, recipe: Recipe, head: Head | None) -> None:
    """Writes ``generator.safetensors``: what was learned, recipe, marks, head of the ledger; no key, no count."""
    facts = {
        "recipe": recipe.resolved(),
        "recipe_sha256": recipe.sha256,
        "ledger_head": None if head is None else list(head),
        "seeded": generator.facts.seeded,
        "private": generator.facts.private,
    }
    write_atomically(folder.generator_file, generator_bytes(generator, facts), mode=0o644)


def load_generator(folder: RunFolder, recipe: Recipe, device: torch.device) -> tuple[Generator, dict[str, Any]]:
    """Returns the generator of a finished run, and the facts in its file.

    Raises:
        VerificationFailed: The file is not one of this recipe's method; see the method's ``restore``.
    """
    tensors, facts = read_tensors(folder.generator_file)
    marks = {"seeded": bool(facts["seeded"]), "private": bool(facts["private"])}
    return restored(recipe, tensors, **marks, device=device), facts


def write_preview(folder: RunFolder, generator: Generator, progress: Progress) -> None:
    """Writes ``preview.png``: the first images that an export would draw, labelled SYNTHETIC."""
    volumes = not isinstance(generator.facts.size, int)
    draws = generator.draw(PREVIEW_VOLUMES if volumes else PREVIEW_IMAGES, progress=progress)
    caption = "SYNTHETIC" if generator.facts.private and not generator.facts.seeded else "NOT FOR RELEASE"
    buffer = io.BytesIO()
    contact_sheet(as_pictures(draws.pixels), 4 if volumes else 16, caption=caption).save(buffer, "PNG")
    write_atomically(folder.preview_file, buffer.getvalue(), mode=0o644)
