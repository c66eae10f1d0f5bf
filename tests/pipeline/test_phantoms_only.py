"""Fail closed: whatever says that no scan was read is held against the recipe, the generator and the run folder."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml

from medsyngen.diffusion.bands import PUBLIC_BANDS
from medsyngen.errors import MedsyngenError, UsageError, VerificationFailed
from medsyngen.pipeline import export_cohort, generator_file, run_recipe, write_report
from medsyngen.pipeline.phantoms_only import fit_on_phantoms
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.recipe import load_recipe
from medsyngen.synthesis import staged_diffusion
from medsyngen.synthesis.generator import read_generator_file
from medsyngen.synthesis.staged_diffusion import StagedDiffusion

SMALL = ("scans.size=8", "synthesis.public.steps=2", "synthesis.sampler_steps=2", "synthesis.private.steps=1")
ALL = "synthesis.public_bands=all"


@pytest.fixture(autouse=True, scope="module")
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(generator_file, "PREVIEW_IMAGES", 4)
        yield


def recipe(*overrides):
    return load_recipe("smoke-16", (*SMALL, *overrides), patients_at_most=20)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run without scans and one with; tests take copies."""
    folder = tmp_path_factory.mktemp("made")
    images = np.random.default_rng(0).integers(0, 4096, (6, 8, 8)).astype(np.uint16)
    np.savez(folder / "scans.npz", images=images, patient_id=[f"PATIENT-{i}" for i in range(6)], label=["0"] * 6)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(staged_diffusion, "rehearse", lambda *phantoms, **more: None)  # reads no patient
        assert not run_recipe(recipe(ALL), run=folder / "alone").guarantee.scans_read
        with_scans = run_recipe(recipe(), scans=folder / "scans.npz", run=folder / "private run", own_ledger="a test")
    assert with_scans.guarantee.scans_read
    return folder


@pytest.fixture
def alone(made, tmp_path):
    return shutil.copytree(made / "alone", tmp_path / "alone")


@pytest.fixture
def private(made, tmp_path):
    return shutil.copytree(made / "private run", tmp_path / "private run")


def with_recipe(run, public_bands):
    """The run with another word in its recipe.yaml, as if somebody had edited it."""
    file = run / "recipe.yaml"
    plain = yaml.safe_load(file.read_text("utf-8"))
    plain["synthesis"]["public_bands"] = public_bands
    file.write_text(yaml.safe_dump(plain))
    return run


@pytest.mark.parametrize("public_bands", sorted(PUBLIC_BANDS))
def test_a_recipe_reads_scans_unless_no_stage_of_the_report_would_say_so(public_bands):
    """Two ways to the same fact: the recipe's own word, and the stages that the report prints."""
    one = recipe(f"synthesis.public_bands={public_bands}")
    stages = one.synthesis.bands.stages(64, public_bands)
    assert one.reads_scans == any(not public for _, public in stages) == (public_bands != "all")


def test_a_method_that_does_not_say_what_it_reads_reads_scans():
    for silent in (object(), type("Says", (), {"reads_scans": None})(), type("Says", (), {"reads_scans": 0})()):
        assert replace(recipe(), synthesis=silent).reads_scans


@pytest.mark.parametrize("public_bands", sorted(set(PUBLIC_BANDS) - {"all"}))
def test_wrongly_taken_for_public_a_band_ends_in_a_refusal_and_never_in_a_release(monkeypatch, tmp_path, public_bands):
    """The mutant: the recipe's own word says that no scan is read, though scans serve a band."""
    monkeypatch.setattr(StagedDiffusion, "reads_scans", False)
    with pytest.raises(MedsyngenError):
        run_recipe(recipe(f"synthesis.public_bands={public_bands}"), run=tmp_path / "run")
    assert not (tmp_path / "run" / "report.json").exists()
    with pytest.raises(MedsyngenError):
        export_cohort(tmp_path / "run", out=tmp_path / "cohort", count=2)
    assert not (tmp_path / "cohort").exists()


def test_the_way_without_scans_refuses_a_recipe_that_reads_them(tmp_path):
    with pytest.raises(ValueError, match="private scans serve a band"):
        fit_on_phantoms(recipe(), run=tmp_path / "run")
    assert not (tmp_path / "run" / "generator.safetensors").exists()


def test_private_training_refuses_a_recipe_without_a_private_band():
    with pytest.raises(ValueError, match="nothing to learn"):
        recipe(ALL).synthesis.fit(
            None,
            None,
            patients_at_most=20,
            noise_multiplier=1.0,
            account=None,
            keys=None,
            private_folder=None,
            device=None,
        )


def test_a_private_run_can_not_be_passed_off_as_one_without_scans(private, tmp_path):
    with_recipe(private, "all")
    for act in (
        lambda: write_report(private),
        lambda: export_cohort(private, out=tmp_path / "cohort", count=2, formats=("png",)),
        lambda: run_recipe(recipe(ALL), run=private),
    ):
        with pytest.raises(VerificationFailed):
            act()
    assert not (tmp_path / "cohort").exists()
    assert json.loads((private / "report.json").read_text())["guarantee"]["epsilon"] > 0  # as it was


def test_nor_after_everything_private_was_taken_out_of_it(private, tmp_path):
    """What is left is the generator: its weights and its head of a ledger tell."""
    with_recipe(private, "all")
    (private / "ledger.jsonl").unlink()
    shutil.rmtree(private / "private")
    (private / "private").mkdir(mode=0o700)
    with pytest.raises(VerificationFailed, match="privately trained weights"):
        write_report(private)
    with pytest.raises(VerificationFailed):
        export_cohort(private, out=tmp_path / "cohort", count=2, formats=("png",))


def test_a_run_without_scans_can_not_be_passed_off_as_a_private_one(alone, tmp_path):
    with_recipe(alone, "both")
    with pytest.raises(VerificationFailed):
        write_report(alone)
    with pytest.raises(VerificationFailed):
        export_cohort(alone, out=tmp_path / "cohort", count=2, formats=("png",))


@pytest.mark.parametrize("name", ["preflight.json", "run.json", "checkpoint.safetensors", "DOE^JOHN.dcm"])
def test_a_folder_in_which_scans_were_looked_at_is_refused(tmp_path, name):
    run = tmp_path / "run"
    (run / "private").mkdir(parents=True)
    (run / "private" / name).write_text("{}")
    with pytest.raises(UsageError, match="reads no scan, but") as refused:
        run_recipe(recipe(ALL), run=run)
    assert "DOE" not in f"{refused.value.what} {refused.value.do}"
    assert not (run / "recipe.yaml").exists()


def test_it_is_the_public_expert_and_nothing_else_that_draws(alone):
    public, context, facts = read_generator_file(alone / "generator.safetensors")
    assert context is None
    assert facts["ledger_head"] is None
    expert = recipe(ALL).synthesis.public_expert(8, device=None)
    assert all((expert[name] == value).all() for name, value in public.items())
    assert set(expert) == set(public)


def test_a_generator_is_drawn_from_only_with_the_recipe_that_made_it(private, alone):
    """A private run whose trained part was lost must not quietly draw phantoms under its ε, nor the other way round."""
    for run, public_bands in ((private, "all"), (alone, "both")):
        folder = RunFolder(with_recipe(run, public_bands))
        with pytest.raises(VerificationFailed, match="does not belong to the recipe"):
            generator_file.load_generator(folder, folder.recipe(), torch.device("cpu"))
