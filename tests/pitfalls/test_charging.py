"""Pitfalls of charging: resumes that under-report, ε of something else than what ran, a charge after its step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from ledgers import begin, new
from toys import toy_cohort
from watched import DELTA, N_MAX, TRAINING, AccountMutant, Make, Parts, Watched, fresh, judge, watch

from medsyngen.errors import BudgetRefused, UsageError
from medsyngen.privacy.accountant import epsilon_spent, guarantee_of
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.events import Event, Gaussian, SelfComposed
from medsyngen.privacy.ledger import Ledger

COHORT = toy_cohort(12)


def steps_kept(folder: Path) -> int:
    path = folder / "checkpoint.safetensors"
    return Checkpoint.load(path).steps_done if path.exists() else 0


def really_spent(seen: Watched) -> float:
    """ε of the steps that released something, counted without the ledger."""
    return spent_by(len(seen.released))


@lru_cache
def spent_by(steps: int) -> float:
    return epsilon_spent([TRAINING.event(steps, patients_at_most=N_MAX, noise_multiplier=1.0)], DELTA)


# --- resume under-reports


def law_of_crashes(make: Make, folder: Path) -> None:
    """Wherever a run is interrupted, and however often: no more steps release anything than were charged."""
    for deaths in ((2,), (4,), (5, 6)):
        seen = watch(make(), folder, COHORT, die_after=deaths[0])
        for death in deaths[1:]:
            seen = watch(make(), seen, COHORT, die_after=death)
        seen = watch(make(), seen, COHORT)
        assert len(seen.released) <= seen.steps_charged() == TRAINING.steps
        assert really_spent(seen) <= seen.epsilon == spent_by(TRAINING.steps)


class GoesOnFromTheCheckpoint(AccountMutant):
    """Steps after the checkpoint run again; they were paid for, weren't they."""

    def steps_charged(self, purpose: str) -> int:
        return steps_kept(self.folder)

    def charge(self, event: Event, *, purpose: str, block: tuple[int, int]):
        if block[1] > self.real.steps_charged(purpose):
            self.real.charge(event, purpose=purpose, block=block)


def ledger_put_back_to_the_checkpoint(account, folder: Path):
    """The state of privacy is saved with the weights, and restored with them."""
    path, saved = folder / "ledger.jsonl", folder / "checkpoint.safetensors"
    ledger = account._ledger
    ledger.close()
    rows = path.read_bytes().splitlines(keepends=True)
    kept = Checkpoint.load(saved).ledger_line + 1 if saved.exists() else 2
    path.write_bytes(b"".join(rows[:kept]))
    ledger.__init__(Ledger.open(path)._chain)  # opened again, as a new process would
    return ledger.begin("run", recipe_sha256=account.recipe_sha256, plan=account._record.plan, seeded=False)


RESUMES = {
    "steps after the checkpoint run again": lambda: Parts(account=GoesOnFromTheCheckpoint),
    "the ledger goes back with the checkpoint": lambda: Parts(account=ledger_put_back_to_the_checkpoint),
}


def test_resume_under_reports(tmp_path):
    judge(lambda make: law_of_crashes(make, tmp_path), Parts, RESUMES)


# --- resume with a longer schedule: the noise that was used is forgotten

TWO, FOUR = (SelfComposed(Gaussian(calibrate_noise(Budget(1.0, 1e-5), sampling_rate=1.0, steps=t)), t) for t in (2, 4))


def law_of_longer_schedules(go_on: Callable[[Ledger], tuple[float, list[Event]]], folder: Path) -> None:
    """Two steps of a plan of two ran; then four are wanted. Said is at least what was spent."""
    with new(fresh(folder)) as ledger:
        account = begin(ledger, TWO)
        account.charge(TWO, purpose="votes", block=(0, 2))
        said, ran = go_on(ledger)
        assert epsilon_spent([TWO, *ran], 1e-5) <= said


def by_the_ledger(ledger: Ledger) -> tuple[float, list[Event]]:
    try:
        begin(ledger, FOUR)
    except UsageError:
        return ledger.total().in_advance, []
    raise AssertionError("another plan was taken")


def noise_for_four_as_if_from_the_start(ledger: Ledger) -> tuple[float, list[Event]]:
    return epsilon_spent([FOUR], 1e-5), [SelfComposed(FOUR.event, 2)]


LONGER = {"noise for four steps, as if from the start": noise_for_four_as_if_from_the_start}


def test_resume_with_a_longer_schedule(tmp_path):
    judge(lambda go_on: law_of_longer_schedules(go_on, tmp_path), by_the_ledger, LONGER)
    truth = epsilon_spent([TWO, SelfComposed(FOUR.event, 2)], 1e-5)
    assert 1.24 < truth < 1.26  # said: 1


# --- ε computed for steps planned, not steps charged


def law_of_what_is_said(make: Make, folder: Path) -> None:
    """The account's ε covers every step that released something: after a crash, and if more is run than planned."""
    crashed = watch(make(), folder, COHORT, die_after=5)
    assert really_spent(crashed) <= crashed.epsilon
    longer = Watched(fresh(folder))
    try:
        watch(make(), longer, COHORT, training=replace(TRAINING, steps=12), planned=TRAINING)
    except BudgetRefused:
        assert len(longer.released) < 12
    assert really_spent(longer) <= longer.epsilon


class SaysThePlan(AccountMutant):
    """The recipe's steps are what is printed, whatever ran."""

    def charge(self, event, *, purpose, block) -> None: ...

    def guarantee(self):
        return guarantee_of([TRAINING.event(7, patients_at_most=N_MAX, noise_multiplier=1.0)], DELTA)


class SaysWhatIsKept(AccountMutant):
    """Steps that went down with a crash were seen by nobody, weren't they."""

    def guarantee(self):
        kept = TRAINING.event(steps_kept(self.folder), patients_at_most=N_MAX, noise_multiplier=1.0)
        return guarantee_of([kept], DELTA)


SAYINGS = {"the plan": lambda: Parts(account=SaysThePlan), "the steps kept": lambda: Parts(account=SaysWhatIsKept)}


def test_epsilon_computed_for_steps_planned_not_steps_charged(tmp_path):
    judge(lambda make: law_of_what_is_said(make, tmp_path), Parts, SAYINGS)


# --- a charge after the step


def law_of_charging_first(make: Make, folder: Path) -> None:
    """Whenever a sum is about to be noised, its step stands in the file."""

    def look(seen: Watched) -> None:
        assert seen.steps_charged() > len(seen.released)

    watch(make(), folder, COHORT, at_release=look)


class ChargesAfterwards(AccountMutant):
    """Books what ran when the next block begins."""

    pending = ()

    def charge(self, event, **block) -> None:
        for earlier, keywords in self.pending:
            self.real.charge(earlier, **keywords)
        self.pending = ((event, block),)


class ChargesInMemory(AccountMutant):
    """Books at once, on disk at the end."""

    def charge(self, event, **block) -> None: ...


LATE = {
    "a block late": lambda: Parts(account=ChargesAfterwards),
    "in memory": lambda: Parts(account=ChargesInMemory),
}


def test_a_charge_after_the_step(tmp_path):
    judge(lambda make: law_of_charging_first(make, tmp_path), Parts, LATE)
