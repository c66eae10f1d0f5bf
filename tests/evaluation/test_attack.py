"""The adversary: it replays the training exactly, and looks at whoever can have taken part."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from broken_training import SIDE, Setting, ToyLoss

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.evaluation.attack import Adversary
from medsyngen.evaluation.attacked_training import Implementation, train_under_attack
from medsyngen.evaluation.scoring import FILTERS, scores
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.randomness import secure_generator

CPU = torch.device("cpu")


def adversary(records, training, n_max=50):
    return Adversary(
        ToyLoss(2),
        {"w": torch.zeros(SIDE**2, SIDE**2)},
        records,
        training,
        patients_at_most=n_max,
        noise_multiplier=1.0,
        stream=secure_generator(),
        device=CPU,
    )


def six_directions(step, weights):
    """Public directions that depend on step and weights, as phantoms' do."""
    flat = torch.cat([value.flatten() for value in weights.values()])
    noise = torch.randn(len(flat), 6, generator=torch.Generator().manual_seed(step))
    return torch.linalg.qr(noise + flat[:, None])[0]


LEVERS = {"noise_correction": True, "filter_gain": 0.4}


@pytest.mark.parametrize(
    ("subspace", "levers"), [(None, {}), (six_directions, {}), (None, LEVERS), (six_directions, LEVERS)]
)
def test_it_knows_the_weights_before_every_step(subspace, levers):
    """White box: the weights that the adversary replays are those that training had, to the last bit."""
    setting, last = Setting(steps=7, canaries=16), {}
    replayed = []

    def train(*arguments, **named):
        result = train_privately(*arguments, **named)
        last["weights"] = Checkpoint.load(named["checkpoint"]).weights
        return result

    original = Adversary.see

    def see(self, released, took_part):
        original(self, released, took_part)
        replayed.append(self._state.flat.detach().clone())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Adversary, "see", see)
        claim = replace(setting.claim(), subspace=subspace)
        claim = replace(claim, training=replace(claim.training, **levers))
        seen = train_under_attack(claim, setting.canary_patients(0), Implementation(train=train), device=CPU)
    assert all(np.isfinite(look.seen).all() and np.abs(look.seen).max() > 0 for look in seen.observations)
    assert len(replayed) == 7
    assert torch.equal(replayed[-1], last["weights"])
    assert not torch.equal(replayed[0], last["weights"])


def test_it_looks_only_at_those_who_can_have_taken_part():
    images = np.random.Generator(np.random.PCG64(0)).uniform(-1, 1, (6, 1, 1, SIDE, SIDE)).astype(np.float32)
    records = [PatientRecord(image, np.zeros(1, np.int64)) for image in images]
    one = adversary(records, DPSGD(clipping_norm=1.0, micro_batch=4))
    one.see(torch.zeros(SIDE**4, dtype=torch.float64), np.array([0, 1, 0, 0.5, 0, 1]))
    seen = one.observations[0]
    assert seen.patients.tolist() == [1, 3, 5]
    assert seen.took_part.tolist() == [1, 0.5, 1]
    assert np.diag(seen.gram)[:3] == pytest.approx(np.ones(3), rel=1e-3)  # clipped: norm C, in units of C


def test_a_record_without_a_finite_gradient_does_not_stop_it():
    bad = PatientRecord(np.full((1, 1, SIDE, SIDE), np.nan, np.float32), np.zeros(1, np.int64))
    good = PatientRecord(np.ones((1, 1, SIDE, SIDE), np.float32), np.zeros(1, np.int64))
    one = adversary([bad, good], DPSGD(clipping_norm=1.0))
    one.see(torch.ones(SIDE**4, dtype=torch.float64), np.ones(2))
    assert all(np.isfinite(found).all() for found in scores(one.observations, 2, FILTERS, noise_multiplier=1.0))
