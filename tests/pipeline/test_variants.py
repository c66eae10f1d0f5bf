"""Every variant of staged diffusion is one field of the recipe away, and the report says what it did."""

from __future__ import annotations

import json

import pytest
import torch

from medsyngen.pipeline import export_cohort, run_recipe
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.generator import read_generator_file

SMALL = ("synthesis.public.steps=3", "synthesis.sampler_steps=2", "synthesis.private.steps=2")
VARIANTS = {
    "coarse": ("synthesis.public_bands=coarse",),
    "cleaning": ("synthesis.public_bands=cleaning",),
    "fine-tuning": ("synthesis.public_bands=none",),
    "DPDM": ("synthesis.public_bands=none", "synthesis.start=random"),
    "subspace": ("synthesis.subspace=5",),
    "one network": ("synthesis.replay=1",),
    "class gain": ("synthesis.class_gain=10",),
    "guided": ("synthesis.guidance=2",),
    "guided after dropout": ("synthesis.label_dropout=0.2", "synthesis.guidance=2"),
    "norms": ("synthesis.trainable=norms",),
    "lora": ("synthesis.trainable=lora", "synthesis.lora_rank=2"),
    "lora in a subspace, of v": ("synthesis.trainable=lora", "synthesis.subspace=5", "synthesis.prediction=v"),
    "v": ("synthesis.prediction=v",),
    "ddim": ("synthesis.sampler=ddim",),
    "ancestral": ("synthesis.sampler=ancestral",),
}
PRIVATE = {
    "coarse": [("coarse", "phantoms"), ("context and cleaning", "private scans")],
    "cleaning": [("coarse and context", "private scans"), ("cleaning", "phantoms")],
    "fine-tuning": [("coarse and context and cleaning", "private scans")],
    "DPDM": [("coarse and context and cleaning", "private scans")],
}
STAGED = [("coarse", "phantoms"), ("context", "private scans"), ("cleaning", "phantoms")]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(VARIANTS))
def test_a_variant_is_fitted_drawn_from_and_told_as_it_is(name, scans, tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path / "cache"))
    recipe = load_recipe("smoke-16", (*SMALL, *VARIANTS[name]), patients_at_most=20)
    run = tmp_path / "run"
    run_recipe(recipe, scans=scans, run=run, own_ledger="a test")
    public, context, _ = read_generator_file(run / "generator.safetensors")
    assert context is not None
    assert bool(public) == (name not in ("fine-tuning", "DPDM", "one network"))
    assert (tmp_path / "cache").exists() == (name != "DPDM")  # nothing was learned from phantoms
    if recipe.synthesis.trainable != "all":
        kept = [name for name, value in context.items() if torch.equal(value, public.get(name, value[:0]))]
        assert "down_blocks.0.resnets.0.norm1.weight" in kept or recipe.synthesis.trainable == "norms"
        assert 0 < len(kept) < len(public)
    report = json.loads((run / "report.json").read_text())
    assert [(stage["name"], stage["data"]) for stage in report["stages"]] == PRIVATE.get(name, STAGED)
    assert 0 < report["guarantee"]["epsilon"] <= recipe.privacy.epsilon
    outcome = export_cohort(run, out=tmp_path / "cohort", count=3, formats=("png",))
    assert outcome.count == 3


def test_what_is_charged_does_not_depend_on_the_variant():
    plans = set()
    for overrides in VARIANTS.values():
        recipe = load_recipe("smoke-16", (*SMALL, *overrides), patients_at_most=20)
        plans.add(recipe.synthesis.plan(patients_at_most=20, noise_multiplier=2.0))
    assert len(plans) == 1
