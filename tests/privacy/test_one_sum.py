"""The portrait's one sum: charged before it is taken, taken once, and nothing un-noised is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from ledgers import begin, new
from safetensors.torch import load_file
from torch import Tensor
from toys import toy_cohort

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import BudgetRefused, InputUnusable, MedsyngenError, VerificationFailed
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.one_sum import PURPOSE, SumResult, sum_privately
from medsyngen.privacy.run_account import RunAccount
from medsyngen.randomness import secure_generator, seeded_generator_for_tests

SIGMA = 10.0
COHORT = toy_cohort(5)


def vector(record: PatientRecord) -> Tensor:
    return torch.from_numpy(record.pixels).mean((0, 1)).flatten()


def take(account: RunAccount, folder: Path, cohort: Cohort = COHORT, **more) -> SumResult:
    settings = {"noise_multiplier": SIGMA, "patients_at_most": 8, "keys": secure_generator()} | more
    return sum_privately(
        cohort,
        vector,
        entries=4,
        clipping_norm=1.0,
        account=account,
        checkpoint=folder / "checkpoint.safetensors",
        **settings,
    )


def test_it_is_charged_before_a_patient_is_read(tmp_path: Path):
    class Watched(Cohort):
        def values(self):
            charged.append(account.steps_charged(PURPOSE))
            return super().values()

    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        charged: list[int] = []
        result = take(account, tmp_path, Watched(dict(COHORT)))
    assert charged == [1]
    assert result.mean.shape == (4,)
    assert result.private
    assert not result.seeded


def test_a_run_that_goes_on_takes_the_noised_mean_and_not_another_look(tmp_path: Path):
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        first = take(account, tmp_path)
        again = take(account, tmp_path, Cohort({}))
        assert torch.equal(first.mean, again.mean)
        assert account.steps_charged(PURPOSE) == 1


def test_what_was_charged_and_lost_is_not_taken_for_free(tmp_path: Path):
    def crash() -> None:
        raise KeyboardInterrupt

    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        with pytest.raises(KeyboardInterrupt):
            take(account, tmp_path, after_charge=crash)
        with pytest.raises(MedsyngenError, match="lost"):
            take(account, tmp_path)


def test_the_checkpoint_holds_the_noised_mean_alone(tmp_path: Path):
    with new(tmp_path) as ledger:
        result = take(begin(ledger, Gaussian(SIGMA)), tmp_path)
    held = load_file(tmp_path / "checkpoint.safetensors")
    assert list(held) == ["noisy_votes"]
    assert torch.equal(held["noisy_votes"], result.mean)


def test_a_plan_that_was_not_reserved_is_refused(tmp_path: Path):
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        with pytest.raises(BudgetRefused):
            take(account, tmp_path, noise_multiplier=SIGMA / 2)


def test_more_patients_than_n_max_are_refused_before_anything_is_charged(tmp_path: Path):
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        with pytest.raises(InputUnusable, match="more patients"):
            take(account, tmp_path, patients_at_most=4)
        assert account.steps_charged(PURPOSE) == 0


def test_the_checkpoint_of_another_run_is_refused(tmp_path: Path):
    with new(tmp_path) as ledger:
        take(begin(ledger, Gaussian(SIGMA)), tmp_path)
        other = begin(ledger, Gaussian(SIGMA), run="other")
        other.charge(Gaussian(SIGMA), purpose=PURPOSE, block=(0, 1))
        with pytest.raises(VerificationFailed, match="another run"):
            take(other, tmp_path)


def test_a_seed_leaves_its_mark_and_needs_a_seeded_run(tmp_path: Path):
    keys = seeded_generator_for_tests(1)
    with new(tmp_path) as ledger:
        with pytest.raises(ValueError, match="seeded"):
            take(begin(ledger, Gaussian(SIGMA)), tmp_path, keys=keys)
        seeded = begin(ledger, Gaussian(SIGMA), run="seeded", seeded=True)
        assert take(seeded, tmp_path, keys=keys).seeded
