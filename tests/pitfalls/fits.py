"""A whole fit on a small hospital, and everything that it leaves where others may look."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from watched import fresh

from medsyngen.pipeline import fit, generator_file
from medsyngen.pipeline.fit import run_recipe
from medsyngen.recipe import Recipe, load_recipe
from medsyngen.synthesis import staged_diffusion
from medsyngen.synthesis.conditioning import deal_classes
from medsyngen.synthesis.generator import StagedGenerator, read_generator_file

SMALL = ("scans.size=8", "synthesis.public.steps=3", "synthesis.sampler_steps=2", "synthesis.private.steps=1")
PATIENTS = tuple(f"PATIENT-{i:02d}" for i in range(13))
RARE = PATIENTS[4]
"""The only patient of the second class."""
SITE = "a ledger for this test"


@lru_cache
def recipe(patients_at_most: int | None = 40) -> Recipe:
    return load_recipe("smoke-16", SMALL, patients_at_most=patients_at_most)


def hospital(path: Path, *, without: str = "", label_of_rare: str = "1", seed: int = 0) -> Path:
    """One or two scans for each patient; the pixels of those who stay are the same in every world."""
    rows = [(p, i, scan) for i, p in enumerate(PATIENTS) if p != without for scan in range(1 + i % 2)]
    images = [np.random.default_rng([seed, i, scan]).integers(0, 4096, (12, 12)) for _, i, scan in rows]
    labels = [label_of_rare if p == RARE else "0" for p, _, _ in rows]
    np.savez(path, images=np.array(images, np.uint16), patient_id=[p for p, _, _ in rows], label=labels)
    return path


def fitted(folder: Path, scans: Path, *, the_recipe: Recipe | None = None, **put_in: Callable[..., Any]) -> Path:
    """Returns the folder of a run; ``put_in`` replaces functions of the pipeline, by name."""
    run = fresh(folder) / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(folder))
        patch.setattr(staged_diffusion, "rehearse", lambda *phantoms, **more: None)  # reads no patient
        patch.setattr(generator_file, "PREVIEW_IMAGES", 4)
        for name, function in put_in.items():
            patch.setattr(fit, name, function)
        run_recipe(the_recipe or recipe(), scans=scans, run=run, own_ledger=SITE, device="cpu")
    return run


def public_facts(
    folder: Path, scans: Path, *, the_recipe: Recipe | None = None, **put_in: Callable[..., Any]
) -> Mapping[str, Any]:
    """Everything outside ``private/`` but weights, hashes, names drawn at random and the pixels of pictures."""
    drawn: list[Any] = []

    def saved(run_folder, generator: StagedGenerator, *more: Any) -> None:
        drawn.append((generator.facts, deal_classes(20, generator.facts.shares)))
        generator_file.save_generator(run_folder, generator, *more)

    run = fitted(folder, scans, the_recipe=the_recipe, save_generator=saved, **put_in)
    outside = [p for p in sorted(run.rglob("*")) if p.is_file() and "private" not in p.relative_to(run).parts]
    return {"drawn": drawn, **{path.name: _told(path) for path in outside}}


def _told(path: Path) -> Any:
    if path.suffix == ".safetensors":
        public, context, facts = read_generator_file(path)
        shapes = {name: value.shape for name, value in {**public, **(context or {})}.items()}
        return shapes, _plain(json.dumps(facts)), path.stat().st_size
    if path.suffix == ".png":
        with Image.open(path) as picture:
            return picture.size
    return _plain(path.read_text("utf-8"))


def _plain(text: str) -> str:
    text = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]+", "PICTURE", text)
    return re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{16}|[0-9a-f]{8})\b", "HASH", text)
