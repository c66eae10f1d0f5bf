"""Pitfalls of noised answers: noise not as paid for, a counted denominator, a lost mark, a record that stops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from elections import SIGMA, Clean, Recorder, ledger_in, vote, voters
from toys import toy_cohort
from watched import fresh, judge

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.privacy import one_sum, vote_rounds
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.one_sum import PURPOSE, SumResult, sum_privately
from medsyngen.privacy.patient_sum import noised_mean_of, patient_rows
from medsyngen.privacy.query_checkpoint import QueryCheckpoint
from medsyngen.privacy.votes import noisy_votes
from medsyngen.randomness import SecureStream, secure_generator, seeded_generator_for_tests

C, N_MAX = 0.5, 16
COHORT = toy_cohort(5)


@dataclass(frozen=True)
class Parts:
    """What sums and votes are made of; each is the product's unless a mutant swaps it."""

    rows: Callable = patient_rows
    mean: Callable = noised_mean_of
    votes: Callable = noisy_votes
    load: Callable[[Path], QueryCheckpoint] = QueryCheckpoint.load


def pixels_of(record: PatientRecord) -> torch.Tensor:
    return torch.from_numpy(record.pixels).mean((0, 1)).flatten()


def summed(parts: Parts, folder: Path, *, cohort: Cohort = COHORT, vector=pixels_of, mechanism=None) -> SumResult:
    """One noised sum in a folder, and again what it was when called again."""
    with pytest.MonkeyPatch.context() as patch, ledger_in(folder) as ledger:
        patch.setattr(one_sum, "patient_rows", parts.rows)
        patch.setattr(one_sum, "noised_mean_of", parts.mean)
        patch.setattr(one_sum.QueryCheckpoint, "load", parts.load)
        account = ledger.begin("run", recipe_sha256="ab" * 32, plan=Gaussian(SIGMA), seeded=False)
        try:
            return sum_privately(
                cohort,
                vector,
                entries=4,
                clipping_norm=C,
                patients_at_most=N_MAX,
                noise_multiplier=SIGMA,
                account=account,
                keys=secure_generator(),
                checkpoint=folder / "checkpoint.safetensors",
                mechanism=mechanism,
            )
        except MemoryError:
            assert account.steps_charged(PURPOSE) == 0, "paid for, and never taken"
            raise


def voted(parts: Parts, folder: Path, *, mechanism=None, after_charge=None) -> vote_rounds.VoteResult:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vote_rounds, "noisy_votes", parts.votes)
        patch.setattr(vote_rounds.QueryCheckpoint, "load", parts.load)
        return vote(folder, voters(), mechanism=mechanism, after_charge=after_charge)


# --- less noise than was charged


def law_of_the_noise(parts: Parts, folder: Path) -> None:
    """Noise has the charged multiplier times what one patient may bring: C to a sum, 1 to votes."""
    of_sum, of_votes = Recorder(), Recorder()
    summed(parts, fresh(folder), mechanism=of_sum)
    voted(parts, fresh(folder), mechanism=of_votes)
    assert of_sum.stds == [SIGMA * C]
    assert of_votes.stds == [SIGMA] * 4


def with_less(part: Callable, by: float) -> Callable:
    return lambda *a, noise_multiplier, **more: part(*a, noise_multiplier=noise_multiplier * by, **more)


LESS = {
    "a tenth of it on votes": Parts(votes=with_less(noisy_votes, 0.1)),
    "a hundredth of it on a sum": Parts(mean=with_less(noised_mean_of, 0.01)),
    "a share of it for each round": Parts(votes=with_less(noisy_votes, 4**-0.5)),
    "as if a patient brought 1 to a sum that is clipped to C": Parts(mean=with_less(noised_mean_of, 1 / C)),
}


def test_less_noise_than_was_charged(tmp_path):
    judge(lambda parts: law_of_the_noise(parts, tmp_path), Parts(), LESS)


# --- a sum over who is there


def law_of_the_denominator(parts: Parts, folder: Path) -> None:
    """What is released is the noised sum over N_max, however many there are."""
    for count in (1, 5, 16):
        recorder = Recorder()
        result = summed(parts, fresh(folder), cohort=toy_cohort(count), mechanism=recorder)
        assert torch.equal(result.mean, recorder.noised[0] / N_MAX)


def over_who_is_there(rows: torch.Tensor, *, patients_at_most: int, **more) -> torch.Tensor:
    return noised_mean_of(rows, patients_at_most=max(1, len(rows)), **more)


COUNTED = {"over the number of patients": Parts(mean=over_who_is_there)}


def test_a_sum_over_who_is_there(tmp_path):
    judge(lambda parts: law_of_the_denominator(parts, tmp_path), Parts(), COUNTED)


# --- noise of a sum or of votes from a seed


def law_of_secret_noise(parts: Parts, folder: Path) -> None:
    """The stream of the noise is the run's own, and two runs have no value of it in common."""
    recorders = [Recorder() for _ in range(2)]
    for recorder in recorders:
        summed(parts, fresh(folder), mechanism=recorder)
        voted(parts, fresh(folder), mechanism=recorder)
        assert not any(recorder.seeded)
    one, other = (
        torch.cat([noised - total for noised, total in zip(r.noised, r.sums, strict=True)]) for r in recorders
    )
    assert not bool((one == other).any())


def with_stream(part: Callable, made: Callable[[], SecureStream]) -> Callable:
    return lambda *a, stream, **more: part(*a, stream=made(), **more)


FIXED = {
    "a sum's from the recipe's seed": Parts(mean=with_stream(noised_mean_of, lambda: seeded_generator_for_tests(0))),
    "votes' from the recipe's seed": Parts(votes=with_stream(noisy_votes, lambda: seeded_generator_for_tests(0))),
    "a key that is the same in every run": Parts(mean=with_stream(noised_mean_of, lambda: SecureStream(bytes(32)))),
}


def test_noise_of_a_sum_or_of_votes_from_a_seed(tmp_path):
    judge(lambda parts: law_of_secret_noise(parts, tmp_path), Parts(), FIXED)


# --- a mark lost on resume


def law_of_the_mark(parts: Parts, folder: Path) -> None:
    """What was begun without noise never becomes private, whoever goes on with it."""
    here, there, calls = fresh(folder), fresh(folder), iter(range(9))

    def dies() -> None:
        if next(calls) == 2:
            raise KeyboardInterrupt

    summed(parts, here, mechanism=Clean())
    assert not summed(parts, here).private
    with pytest.raises(KeyboardInterrupt):
        voted(parts, there, mechanism=Clean(), after_charge=dies)
    assert not voted(parts, there).private
    assert not voted(parts, there).private


LOAD = QueryCheckpoint.load
LOST = {"the mark of who goes on": Parts(load=lambda path: replace(LOAD(path), private=True))}


def test_a_mark_lost_on_resume(tmp_path):
    judge(lambda parts: law_of_the_mark(parts, tmp_path), Parts(), LOST)


# --- a record that stops a sum that was paid for


def law_of_sums_that_end(parts: Parts, folder: Path) -> None:
    """A record that can't be read stops the sum before it is charged, and the next try takes it."""
    here, seen = fresh(folder), iter(range(9))

    def too_many_scans(record: PatientRecord) -> torch.Tensor:
        if next(seen) == 2:
            raise MemoryError
        return pixels_of(record)

    with pytest.raises(MemoryError):
        summed(parts, here, vector=too_many_scans)
    assert bool(summed(parts, here).mean.isfinite().all())


def read_late() -> Mapping[str, Callable]:
    """Reading is put off until the sum is taken."""
    return {
        "rows": lambda cohort, vector, entries: lambda: patient_rows(cohort, vector, entries),
        "mean": lambda rows, **more: noised_mean_of(rows(), **more),
    }


LATE = {"charged, then read": Parts(**read_late())}


def test_a_record_that_stops_a_sum_that_was_paid_for(tmp_path):
    judge(lambda parts: law_of_sums_that_end(parts, tmp_path), Parts(), LATE)
