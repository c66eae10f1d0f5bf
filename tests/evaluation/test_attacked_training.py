"""The attacked training is that of a fit: same code, charged, secret draws, nothing left behind."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
from broken_training import SIDE, SeededSampling, Setting, image_by_image, seeded_coin

from medsyngen.errors import BudgetRefused
from medsyngen.evaluation.attacked_training import Implementation, NoNoise, train_under_attack
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.dpsgd import train_privately
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.randomness import secure_generator

CPU = torch.device("cpu")
SETTING = Setting(steps=5, canaries=16)


class Spy:
    """The product's training, with its arguments and what the audit left on disk meanwhile written down."""

    def __init__(self):
        self.calls = []

    def __call__(self, *arguments, **named):
        self.folder = named["checkpoint"].parent
        self.events_before = named["account"].steps_charged("private training of the context expert")
        result = train_privately(*arguments, **named)
        self.lines = [line for line in named["account"]._ledger.lines]
        self.calls.append((arguments, named))
        return result


def run(implementation, setting=SETTING, seed=0):
    return train_under_attack(setting.claim(), setting.canary_patients(seed), implementation, device=CPU)


def test_by_default_it_runs_what_a_fit_runs():
    product = Implementation()
    assert product.train is train_privately
    assert type(product.mechanism) is GaussianSum
    assert product.keys is secure_generator
    assert product.takes_part is None


def test_training_gets_the_cohort_by_coin_and_keys_that_nobody_knows():
    spy, canaries = Spy(), SETTING.canary_patients(3)
    train_under_attack(SETTING.claim(), canaries, Implementation(train=spy), device=CPU)
    ((_, _, cohort, training), named) = spy.calls[0]
    assert set(cohort) == set(canaries.cohort())
    assert not named["keys"].seeded
    assert named["mechanism"].private
    assert training.steps == SETTING.steps
    assert named["patients_at_most"] == SETTING.patients_at_most


def test_every_step_is_charged_to_a_ledger_of_its_own_that_is_gone_afterwards(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDSYNGEN_LEDGER", str(tmp_path / "site.jsonl"))
    spy = Spy()
    attacked = run(Implementation(train=spy))
    claim = SETTING.claim()
    plan = claim.training.event(5, patients_at_most=claim.patients_at_most, noise_multiplier=claim.noise_multiplier)
    assert attacked.epsilon == epsilon_spent([plan], claim.budget.delta) <= claim.budget.epsilon
    assert spy.lines[0]["reason"] == "audit on phantoms"
    assert sum(line["kind"] == "charge" for line in spy.lines) == 1
    assert not spy.folder.exists()
    assert spy.folder.is_relative_to(Path(tempfile.gettempdir()))
    assert list(tmp_path.iterdir()) == []


def test_a_plan_that_does_not_fit_is_refused_before_anything_runs():
    from dataclasses import replace

    claim = replace(SETTING.claim(), noise_multiplier=0.5)
    spy = Spy()
    with pytest.raises(BudgetRefused):
        train_under_attack(claim, SETTING.canary_patients(0), Implementation(train=spy), device=CPU)
    assert spy.calls == []


def test_the_adversary_sees_each_release_and_only_those():
    sums, released = [], []

    class Recorder(GaussianSum):
        def release(self, total, std, stream):
            out = super().release(total, std, stream)
            sums.append(total)
            released.append(out)
            return out

    attacked = run(Implementation(mechanism=Recorder()))
    assert len(attacked.observations) == len(released) == 5
    first = attacked.observations[0]
    assert len(first.seen) == 2 * (16 + 8)
    # Seen are products with what was released; with the sums before their noise they would be others.
    noise = torch.stack(released) - torch.stack(sums)
    assert noise.std() == pytest.approx(SETTING.claim().noise_multiplier, rel=0.05)


def test_the_control_clips_but_adds_no_noise():
    control = NoNoise(GaussianSum())
    total = torch.arange(4, dtype=torch.float64)
    assert torch.equal(control.release(total, 1.0, secure_generator()), total)
    gradients = 100 * torch.ones(2, SIDE)
    assert torch.equal(control.factors(gradients, 1.0), GaussianSum().factors(gradients, 1.0))
    assert not control.private


def test_the_broken_view_splits_patients_into_images():
    cohort = SETTING.canary_patients(0).cohort()
    assert len(image_by_image(cohort)) == sum(len(record.pixels) for record in cohort.values())
    assert all(len(record.pixels) == 1 for record in image_by_image(cohort).values())


def test_the_broken_sampler_throws_the_coins_that_its_adversary_knows():
    cohort = SETTING.canary_patients(0).cohort()
    for step in range(3):
        drawn = draw_patients(cohort, 0.3, SeededSampling(secure_generator()).child(b"step\x00%d" % step))
        assert drawn == sorted(patient for patient in cohort if seeded_coin(step, patient) < 0.3)
    shares = [seeded_coin(step, patient) for step in range(50) for patient in cohort]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
