"""A run whose images are enlarged: the second network is public, comes before any charge, and travels with the run."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from medsyngen.errors import MedsyngenError, VerificationFailed
from medsyngen.pipeline import export_cohort, generator_file, run_recipe
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.recipe import load_recipe
from medsyngen.synthesis import enlargement, staged_diffusion

SMALL = (
    "scans.size=8",
    "synthesis.public.steps=2",
    "synthesis.sampler_steps=2",
    "synthesis.private.steps=1",
    "enlargement={size: 32, channels: [8, 8], norm_groups: 4, steps: 2, batch_size: 2, crop: 16, sampler_steps: 2}",
)
CPU = torch.device("cpu")


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(generator_file, "PREVIEW_IMAGES", 4)
        patch.setattr(staged_diffusion, "rehearse", lambda *phantoms, **more: None)
        yield


@pytest.fixture(scope="module")
def npz(tmp_path_factory):
    path = tmp_path_factory.mktemp("scans") / "scans.npz"
    images = np.random.default_rng(0).integers(0, 4096, (6, 8, 8)).astype(np.uint16)
    np.savez(path, images=images, patient_id=[f"PATIENT-{i}" for i in range(6)], label=["0"] * 6)
    return path


def recipe(*overrides):
    return load_recipe("smoke-16", (*SMALL, *overrides), patients_at_most=20)


def test_a_private_run_releases_large_images_and_charges_what_it_would_without(npz, tmp_path):
    made = run_recipe(recipe(), scans=npz, run=tmp_path / "run", own_ledger="a test")
    plain = run_recipe(recipe("enlargement=null"), scans=npz, run=tmp_path / "plain", own_ledger="a test")
    assert made.guarantee.epsilon == plain.guarantee.epsilon
    export_cohort(tmp_path / "run", out=tmp_path / "cohort", count=4, formats=("npz", "png", "dicom"))
    (path,) = (tmp_path / "cohort").rglob("*.npz")
    assert np.load(path)["train_images"].shape[1:3] == (32, 32)
    report = json.loads(next((tmp_path / "cohort").rglob("*report*.json")).read_text("utf-8"))
    assert "enlarged to 32" in json.dumps(report["sentences"])
    assert "enlarged from 8 to 32" in json.dumps(report["fields"]["L"])
    without = json.loads(next((tmp_path / "plain").glob("*report*.json")).read_text("utf-8"))
    assert "enlarged" not in json.dumps([without["sentences"], without["fields"]])


def test_nothing_is_charged_if_the_second_network_fails(npz, tmp_path, monkeypatch):
    def fail(*_: object, **__: object) -> None:
        raise MedsyngenError("no room", do="make some")

    monkeypatch.setattr(enlargement.Enlargement, "weights", fail)
    with pytest.raises(MedsyngenError, match="no room"):
        run_recipe(recipe(), scans=npz, run=tmp_path / "run", own_ledger="a test")
    ledger = RunFolder(tmp_path / "run").ledger_file
    assert not ledger.exists() or '"reserve"' not in ledger.read_text("utf-8")


def test_phantoms_alone_are_enlarged_too_and_a_recipe_without_does_not_fit(tmp_path):
    all_bands = "synthesis.public_bands=all"
    run_recipe(recipe(all_bands), run=tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    generator, _ = load_generator(folder, recipe(all_bands), CPU)
    assert generator.draw(2).pixels.shape == (2, 1, 32, 32)
    with pytest.raises(VerificationFailed, match="enlarges"):
        load_generator(folder, recipe(all_bands, "enlargement=null"), CPU)


def test_recipes_without_it_keep_their_hash():
    plain = recipe("enlargement=null")
    assert "enlargement" not in plain.resolved()
    assert recipe().sha256 != plain.sha256
    assert load_recipe("smoke-16", SMALL[:-1], patients_at_most=20).sha256 == plain.sha256


def test_real_scans_are_held_against_large_images_at_their_size():
    assert recipe().released_form.size == 32
    assert recipe("enlargement=null").released_form.size == 8
