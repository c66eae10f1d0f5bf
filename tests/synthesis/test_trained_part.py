"""Private training of a part of the network: begun, rehearsed, resumed, and served to other processes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from small_generators import TINY

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.denoiser import network_error
from medsyngen.diffusion.training import PublicTraining
from medsyngen.errors import UsageError
from medsyngen.planning import plan_recipe
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.dpsgd import DPSGD, GaussianSum
from medsyngen.privacy.ledger import Ledger
from medsyngen.randomness import secure_generator
from medsyngen.recipe import load_recipe, recipe_from
from medsyngen.scan import PatientKey
from medsyngen.synthesis import phantom_expert, staged_diffusion
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.trainable import merged, network_weights

CPU, N_MAX = torch.device("cpu"), 20
TARGET = Target(size=8, classes=("a", "b"), shares=(0.5, 0.5))
TRAINING = DPSGD(steps=4, block=2, patients_per_step=10, micro_batch=4, draws_per_scan=1, learning_rate=0.01)
PARTS = ("norms", "lora")


@pytest.fixture(autouse=True, scope="module")
def _cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def method(kind: str, **changes) -> StagedDiffusion:
    public = PublicTraining(steps=4, batch_size=4, ema_decay=0.5)
    same = {"network": TINY, "private": TRAINING, "public": public, "lora_rank": 2, "sampler_steps": 2}
    return StagedDiffusion(trainable=kind, **(same | changes))


def cohort() -> Cohort:
    pixels = np.random.default_rng(0).uniform(-1, 1, (12, 2, 1, 8, 8)).astype(np.float32)
    return Cohort({PatientKey(f"p{i}"): PatientRecord(pixels[i], np.full(2, i % 2)) for i in range(12)})


class Interrupted(GaussianSum):
    """Ends like a killed process in its fourth step: the first block is saved, the second is charged."""

    def __init__(self) -> None:
        self.left = 3

    def release(self, total, std, stream):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return super().release(total, std, stream)


def fit(of: StagedDiffusion, folder, mechanism=None):
    file, new = folder / "ledger.jsonl", {"patients_at_most": N_MAX, "reason": "test"}
    with Ledger.open(file) if file.exists() else Ledger.create(file, budget=Budget(50.0, 1e-4), **new) as ledger:
        keys, plan = secure_generator(), of.plan(patients_at_most=N_MAX, noise_multiplier=2.0)
        return of.fit(
            cohort(),
            TARGET,
            patients_at_most=N_MAX,
            noise_multiplier=2.0,
            account=ledger.begin("run", recipe_sha256="a" * 64, plan=plan, seeded=keys.seeded),
            keys=keys,
            private_folder=folder,
            device=CPU,
            mechanism=mechanism,
        )


@pytest.mark.parametrize("kind", PARTS)
def test_an_interrupted_training_of_a_part_goes_on_and_leaves_the_rest_to_the_last_bit(kind, tmp_path):
    of = method(kind)
    _, start = of.first_weights(TARGET, device=CPU)
    trained = of.trained_from(start)
    with pytest.raises(KeyboardInterrupt):
        fit(of, tmp_path, Interrupted())
    saved = load_file(tmp_path / "checkpoint.safetensors")
    assert max(value.numel() for value in saved.values()) == sum(value.numel() for value in trained.values())
    generator = fit(of, tmp_path)
    may_change = set(network_weights(start, trained))
    assert list(generator.context) == list(start)
    for name, value in start.items():
        assert torch.equal(generator.context[name], value) == (name not in may_change), name
    assert np.isfinite(generator.draw(2).pixels).all()


@pytest.mark.parametrize("prediction", ["edm", "v"])
@pytest.mark.parametrize("kind", PARTS)
def test_the_loss_of_a_part_is_that_of_the_whole_network_put_together(kind, prediction):
    of = method(kind, prediction=prediction)
    _, start = of.first_weights(TARGET, device=CPU)
    loss, trained = of.private_part(start, TARGET, CPU)
    generator = torch.Generator().manual_seed(0)
    trained = {name: value + 0.1 * torch.randn(value.shape, generator=generator) for name, value in trained.items()}
    drawn = loss.draw(next(iter(cohort().values())), secure_generator())
    expected = network_error(loss.network, merged(start, trained), **drawn, prediction=prediction).mean()
    torch.testing.assert_close(loss(trained, drawn), expected)
    assert all(torch.equal(value, start[name]) for name, value in loss.network.named_parameters())


def test_the_public_expert_is_trained_for_what_the_recipe_says_it_predicts(monkeypatch):
    told = []
    monkeypatch.setattr(phantom_expert, "train_on_phantoms", lambda *_, **more: told.append(more["prediction"]) or {})
    for prediction in ("edm", "v"):
        method("all", prediction=prediction).train_public_expert(8, device=CPU)
    assert told == ["edm", "v"]


@pytest.mark.parametrize("kind", PARTS)
def test_another_process_serves_the_same_part_around_the_same_frozen_weights(kind, monkeypatch):
    of, served = method(kind), []
    _, start = of.first_weights(TARGET, device=CPU)
    monkeypatch.setattr(staged_diffusion, "receive_cohort", lambda ranks: cohort())
    monkeypatch.setattr(staged_diffusion, "receive_weights", lambda ranks: dict(start))
    monkeypatch.setattr(staged_diffusion, "serve_sums", lambda *words, **more: served.extend(words))
    of.serve(TARGET, type("Ranks", (), {"send": lambda *words: None})(), device=CPU)
    loss, views = served[:2]
    assert views.shapes == {name: value.shape for name, value in of.trained_from(start).items()}
    assert all(torch.equal(value, start[name]) for name, value in loss.network.named_parameters())


@pytest.mark.parametrize("kind", PARTS)
def test_layers_that_nobody_trained_show_in_the_rehearsal_of_a_part(kind, tmp_path, monkeypatch):
    """MONAI's output layer begins with zeros; additions begin with zeros by design, which must not hide that."""
    real = StagedDiffusion.first_weights

    def silent_output(*words, **more):
        public, start = real(*words, **more)
        return public, {**start, "out.2.conv.weight": torch.zeros_like(start["out.2.conv.weight"])}

    monkeypatch.setattr(StagedDiffusion, "first_weights", silent_output)
    with pytest.raises(UsageError, match="without a gradient") as refused:
        fit(method(kind), tmp_path)
    assert any("time_embed" in name for name in refused.value.details)
    assert not (tmp_path / "checkpoint.safetensors").exists()


def test_weights_that_nobody_trained_are_not_kept_as_they_are():
    for kind in PARTS:
        with pytest.raises(ValueError, match=f"trainable: {kind} keeps .* start: phantoms"):
            method(kind, start="random")
        with pytest.raises(UsageError) as refused:
            load_recipe("smoke-16", [f"synthesis.trainable={kind}", "synthesis.start=random"])
        assert "needs start: phantoms" in " ".join(refused.value.details)
    assert method("all", start="random").start == "random"
    for wrong in ({"trainable": "biases"}, {"lora_rank": 0}, {"prediction": "x0"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            replace(method("all"), **wrong)


def test_recipes_and_run_folders_from_before_these_choices_mean_what_they_meant():
    recipe = load_recipe("smoke-16", patients_at_most=40)
    plain = yaml.safe_load(recipe.to_yaml())
    for name in ("trainable", "lora_rank", "prediction"):
        del plain["synthesis"][name]
    assert recipe_from(plain) == recipe
    assert (recipe.synthesis.trainable, recipe.synthesis.prediction) == ("all", "edm")


def test_the_plan_counts_what_is_trained():
    def of(*overrides):
        plain = ("synthesis.subspace=0", "synthesis.class_directions=0", "synthesis.class_gain=1")
        return plan_recipe(load_recipe("demo-32", (*plain, *overrides)), measure=False)

    whole, norms, lora = of(), of("synthesis.trainable=norms"), of("synthesis.trainable=lora")
    assert [each.cost.parameters for each in (whole, norms, lora)] == [453_985, 10_049, 56_180]
    assert norms.plan.noise_to_signal == pytest.approx(whole.plan.noise_to_signal * (10_049 / 453_985) ** 0.5)
    assert norms.cost.memory_bytes < 0.95 * lora.cost.memory_bytes  # gradients of whole weights pass by on the way
    assert lora.cost.memory_bytes == pytest.approx(whole.cost.memory_bytes, rel=0.1)
