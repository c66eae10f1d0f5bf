"""The portrait's one sum: charged before it is taken, taken once, and nothing un-noised is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from elections import Clean, Recorder
from files import forgets
from ledgers import begin, new
from safetensors.torch import load_file
from torch import Tensor
from toys import toy_cohort

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import BudgetRefused, InputUnusable, MedsyngenError, VerificationFailed
from medsyngen.privacy.clipping import clip_factors
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.one_sum import PURPOSE, SumResult, kept_beside_the_sum, sum_privately
from medsyngen.privacy.run_account import RunAccount
from medsyngen.randomness import SecureStream, secure_generator, seeded_generator_for_tests

SIGMA, CLIPPING = 10.0, 0.5
COHORT = toy_cohort(5)


def vector(record: PatientRecord) -> Tensor:
    return torch.from_numpy(record.pixels).mean((0, 1)).flatten()


def take(account: RunAccount, folder: Path, cohort: Cohort = COHORT, **more) -> SumResult:
    usual = {"vector": vector, "noise_multiplier": SIGMA, "patients_at_most": 8, "keys": secure_generator()}
    settings = usual | more
    return sum_privately(
        cohort,
        entries=4,
        clipping_norm=CLIPPING,
        account=account,
        checkpoint=folder / "checkpoint.safetensors",
        **settings,
    )


def test_it_is_charged_before_anything_is_released(tmp_path: Path):
    """What was computed from scans leaves the process in the noised sum alone, and that is paid for by then."""

    class Watched(Recorder):
        def release(self, total: Tensor, std: float, stream: SecureStream) -> Tensor:
            with Ledger.open(tmp_path / "ledger.jsonl", read_only=True) as on_disk:
                charged.append(sum(last - first for run in on_disk.runs.values() for _, first, last in run.blocks))
            assert not (tmp_path / "checkpoint.safetensors").exists()
            return super().release(total, std, stream)

    charged: list[int] = []
    with new(tmp_path) as ledger:
        result = take(begin(ledger, Gaussian(SIGMA)), tmp_path, mechanism=Watched())
    assert charged == [1]
    assert result.mean.shape == (4,)
    assert result.private
    assert not result.seeded


def test_a_record_that_can_not_be_read_costs_nothing(tmp_path: Path):
    """A patient with thousands of scans may not fit in memory: that must not end a sum that was paid for."""
    patients = iter(range(100))

    def too_much(record: PatientRecord) -> Tensor:
        if next(patients) == 3:
            raise MemoryError
        return vector(record)

    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        with pytest.raises(MemoryError):
            take(account, tmp_path, vector=too_much)
        assert account.steps_charged(PURPOSE) == 0
        assert not (tmp_path / "checkpoint.safetensors").exists()
        take(account, tmp_path)
        assert account.steps_charged(PURPOSE) == 1


@pytest.mark.parametrize(("first", "then"), [(Clean(), None), (None, Clean())])
def test_what_once_was_not_private_stays_so(tmp_path: Path, first: Clean | None, then: Clean | None):
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        take(account, tmp_path, mechanism=first)
        assert not take(account, tmp_path, mechanism=then).private
        assert take(account, tmp_path).private == (first is None)


def test_a_checkpoint_that_does_not_say_whether_it_is_private_is_refused(tmp_path: Path):
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        take(account, tmp_path)
        forgets(tmp_path / "checkpoint.safetensors", "private")
        with pytest.raises(VerificationFailed, match="not a checkpoint of this version"):
            take(account, tmp_path)


@pytest.mark.parametrize(("sigma", "n_max"), [(10.0, 8), (20.0, 5), (15.0, 400)])
def test_the_noise_is_what_was_charged_and_the_denominator_what_was_declared(tmp_path: Path, sigma: float, n_max: int):
    recorder = Recorder()
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(sigma))
        result = take(account, tmp_path, mechanism=recorder, noise_multiplier=sigma, patients_at_most=n_max)
    (total,), (noised,) = recorder.sums, recorder.noised
    assert recorder.stds == [sigma * CLIPPING]
    assert torch.equal(result.mean, noised / n_max)
    rows = torch.stack([vector(record).double() for record in COHORT.values()])
    torch.testing.assert_close(total, (rows * clip_factors(rows, CLIPPING)[:, None]).sum(0), rtol=1e-12, atol=0)


@pytest.mark.parametrize("seeded", [False, True])
def test_the_noise_is_drawn_from_the_runs_own_keys(tmp_path: Path, seeded: bool):
    recorder, keys = Recorder(), seeded_generator_for_tests(1) if seeded else secure_generator()
    with new(tmp_path) as ledger:
        take(begin(ledger, Gaussian(SIGMA), seeded=seeded), tmp_path, keys=keys, mechanism=recorder)
    assert recorder.seeded == [seeded]


def test_two_runs_draw_other_noise(tmp_path: Path):
    means = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        with new(tmp_path / name) as ledger:
            means.append(take(begin(ledger, Gaussian(SIGMA)), tmp_path / name).mean)
    assert bool((means[0] != means[1]).all())


def test_what_is_public_is_kept_beside_the_sum(tmp_path: Path):
    directions = torch.arange(6, dtype=torch.float64).view(3, 2)
    with new(tmp_path) as ledger:
        account = begin(ledger, Gaussian(SIGMA))
        assert kept_beside_the_sum(account, tmp_path / "checkpoint.safetensors") is None
        take(account, tmp_path, public={"directions": directions})
        kept = kept_beside_the_sum(account, tmp_path / "checkpoint.safetensors")
    assert kept is not None
    assert list(kept) == ["directions"]
    assert torch.equal(kept["directions"], directions)


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
        with pytest.raises(MedsyngenError, match="lost"):
            kept_beside_the_sum(account, tmp_path / "checkpoint.safetensors")


def test_the_checkpoint_holds_the_noised_mean_alone(tmp_path: Path):
    with new(tmp_path) as ledger:
        result = take(begin(ledger, Gaussian(SIGMA)), tmp_path)
    held = load_file(tmp_path / "checkpoint.safetensors")
    assert list(held) == ["noised"]
    assert torch.equal(held["noised"], result.mean)


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
