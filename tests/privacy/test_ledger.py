"""The ledger: charged before it runs, within the budget, through kills and edits."""

from __future__ import annotations

import math
import os
import signal
import stat
import subprocess
import sys

import pytest

from medsyngen.errors import BudgetRefused, MedsyngenError, UsageError
from medsyngen.privacy import ledger as ledger_module
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.ledger import Ledger

BUDGET = Budget(1.0, 1e-5)
RECIPE = "ab" * 32
Q, SIGMA = 0.2, 10.0


def new(tmp_path, budget=BUDGET, reason="test"):
    return Ledger.create(tmp_path / "ledger.jsonl", budget=budget, patients_at_most=500, reason=reason)


def pay(ledger, first, last, *, sigma=SIGMA, seeded=False):
    return ledger.charge(
        sampled_gaussian(Q, sigma, last - first),
        purpose="private training",
        recipe_sha256=RECIPE,
        seeded=seeded,
        block=(first, last),
    )


def test_the_first_line_holds_the_budget_and_no_time(tmp_path):
    with new(tmp_path, reason="a trial on its own") as ledger:
        (line,) = ledger.lines
        assert {key: line[key] for key in line if key not in ("hash", "previous")} == {
            "n": 0,
            "kind": "open",
            "format": "medsyngen ledger 1",
            "unit": "patient",
            "adjacency": "add or remove one patient's record",
            "epsilon": 1.0,
            "delta": 1e-5,
            "patients_at_most": 500,
            "reason": "a trial on its own",
        }
        assert ledger.account.reason == "a trial on its own"
        assert ledger.epsilon() == 0.0
    assert stat.S_IMODE((tmp_path / "ledger.jsonl").stat().st_mode) == 0o600


def test_delta_too_large_for_the_patients_opens_no_ledger(tmp_path):
    with pytest.raises(BudgetRefused):
        new(tmp_path, Budget(1.0, 1e-3))
    assert list(tmp_path.iterdir()) == []


def test_everything_comes_back_after_reopening(tmp_path):
    with new(tmp_path) as ledger:
        pay(ledger, 0, 10)
        ledger.look("evaluate")
        pay(ledger, 10, 20)
        ledger.charge(Gaussian(40.0), purpose="mean portrait", recipe_sha256="cd" * 32, seeded=False, block=(0, 1))
        before = (ledger.lines, ledger.events(), ledger.head, ledger.epsilon(), ledger.looks, ledger.seeded)
    for read_only in (True, False):
        with Ledger.open(tmp_path / "ledger.jsonl", read_only=read_only) as again:
            assert before == (
                again.lines, again.events(), again.head, again.epsilon(), again.looks, again.seeded
            )  # fmt: skip
            assert again.account.budget == BUDGET
            assert again.looks == ("evaluate",)
            assert again.head.n == 4
            assert again.steps_charged(RECIPE) == 20
            assert again.steps_charged("cd" * 32) == 1
            assert again.steps_charged("ef" * 32) == 0


def test_epsilon_is_that_of_the_events_and_comes_with_its_delta(tmp_path):
    with new(tmp_path) as ledger:
        for first in range(0, 50, 10):
            pay(ledger, first, first + 10)
        assert ledger.epsilon() == epsilon_spent([sampled_gaussian(Q, SIGMA, 50)], BUDGET.delta)
        assert "δ = 1e-5, per patient" in ledger.guarantee().sentence()


def test_a_charge_over_the_budget_is_refused_and_writes_nothing(tmp_path):
    with new(tmp_path) as ledger:
        pay(ledger, 0, 20)
        before = (tmp_path / "ledger.jsonl").read_bytes()
        with pytest.raises(BudgetRefused) as refusal:
            pay(ledger, 20, 1020)
        assert refusal.value.exit_code == 5
        assert "of 1 is spent" in refusal.value.what
        assert (tmp_path / "ledger.jsonl").read_bytes() == before
        fitting = int(refusal.value.do.split("noise multiplier 10), ")[1].split()[0])
        with pytest.raises(BudgetRefused):
            pay(ledger, 20, 21 + fitting)
        pay(ledger, 20, 20 + fitting)
        assert ledger.epsilon() <= BUDGET.epsilon


def test_a_mixed_charge_over_the_budget_is_refused(tmp_path):
    with new(tmp_path) as ledger, pytest.raises(BudgetRefused, match="does not fit"):
        ledger.charge(
            Composed((Gaussian(0.5), sampled_gaussian(Q, SIGMA, 2))),
            purpose="votes",
            recipe_sha256=RECIPE,
            seeded=False,
            block=(0, 3),
        )


def test_an_event_the_accountant_can_not_bound_is_refused(tmp_path):
    event = PoissonSampled(0.1, PoissonSampled(0.1, Gaussian(50.0)))
    with new(tmp_path) as ledger, pytest.raises(BudgetRefused, match="no sound bound"):
        ledger.charge(event, purpose="?", recipe_sha256=RECIPE, seeded=False, block=(0, 1))


@pytest.mark.parametrize("block", [(0, 6), (3, 3), (5, 2), (-1, 2)])
def test_an_event_pays_for_no_more_steps_than_it_holds(tmp_path, block):
    with new(tmp_path) as ledger:
        with pytest.raises(ValueError, match="can't pay"):
            ledger.charge(sampled_gaussian(Q, SIGMA, 5), purpose="p", recipe_sha256=RECIPE, seeded=False, block=block)
        assert len(ledger.lines) == 1


def test_the_calibrated_plan_fits_to_the_last_step_and_not_one_more(tmp_path):
    sigma = calibrate_noise(BUDGET, sampling_rate=Q, steps=300)
    with new(tmp_path) as ledger:
        ledger.reserve([sampled_gaussian(Q, sigma, 300)])
        for first in range(0, 300, 10):
            pay(ledger, first, first + 10, sigma=sigma)
        assert ledger.epsilon() <= BUDGET.epsilon
        with pytest.raises(BudgetRefused):
            pay(ledger, 300, 301, sigma=sigma / 10)


def test_a_reservation_is_checked_once_and_holds_no_more_than_it_says(tmp_path, monkeypatch):
    calls = []
    real = ledger_module.fits
    monkeypatch.setattr(ledger_module, "fits", lambda events, budget: calls.append(1) or real(events, budget))
    with new(tmp_path, Budget(3.0, 1e-5)) as ledger:
        ledger.reserve([sampled_gaussian(Q, SIGMA, 300)])
        for step in range(300):
            pay(ledger, step, step + 1)
        assert len(calls) == 1  # 300 charges, one look at the accountant
        pay(ledger, 300, 301, sigma=200.0)  # not reserved: asked
        assert len(calls) == 2


def test_what_is_reserved_can_not_be_spent_on_something_else(tmp_path):
    with new(tmp_path) as ledger:
        most = calibrate_noise(BUDGET, sampling_rate=Q, steps=100)
        ledger.reserve([sampled_gaussian(Q, most, 100)])
        with pytest.raises(BudgetRefused, match="spent or reserved"):
            ledger.charge(Gaussian(5.0), purpose="votes", recipe_sha256=RECIPE, seeded=False, block=(0, 1))
        ledger.reserve([])
        ledger.charge(Gaussian(5.0), purpose="votes", recipe_sha256=RECIPE, seeded=False, block=(0, 1))
        with pytest.raises(BudgetRefused):
            ledger.reserve([sampled_gaussian(Q, most, 100)])


def test_a_failed_write_keeps_the_reservation_and_charges_nothing(tmp_path, monkeypatch):
    with new(tmp_path) as ledger:
        ledger.reserve([sampled_gaussian(Q, SIGMA, 10)])

        def full(*_):
            raise OSError(28, "")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            with pytest.raises(MedsyngenError, match="No space left"):
                pay(ledger, 0, 10)
        assert ledger.events() == ()
        pay(ledger, 0, 10)
        assert ledger.steps_charged(RECIPE) == 10


def test_the_seeded_mark_is_sticky(tmp_path):
    with new(tmp_path) as ledger:
        pay(ledger, 0, 1)
        assert not ledger.seeded
        pay(ledger, 1, 2, seeded=True)
        pay(ledger, 2, 3)
        assert ledger.seeded
    with Ledger.open(tmp_path / "ledger.jsonl") as again:
        assert again.seeded


def test_two_processes_can_not_charge_at_once(tmp_path):
    with new(tmp_path):
        code = (
            "import sys; from pathlib import Path; from medsyngen.privacy.ledger import Ledger\n"
            "from medsyngen.errors import UsageError\n"
            "try: Ledger.open(Path(sys.argv[1]))\n"
            "except UsageError as error: print(error.what); sys.exit(2)\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "ledger.jsonl")], capture_output=True, text=True, check=False
        )
        assert done.returncode == 2, done.stderr
        assert "another process" in done.stdout
    with pytest.raises(UsageError):
        Ledger.open(tmp_path / "missing.jsonl")


def test_killed_between_charge_and_mechanism_the_steps_stay_charged(tmp_path):
    with new(tmp_path):
        pass
    path = tmp_path / "ledger.jsonl"
    code = (
        "import os, signal, sys; from pathlib import Path; from medsyngen.privacy.ledger import Ledger\n"
        "from medsyngen.privacy.calibration import sampled_gaussian\n"
        "ledger = Ledger.open(Path(sys.argv[1]))\n"
        f"event = sampled_gaussian({Q}, {SIGMA}, 10)\n"
        f"ledger.charge(event, purpose='p', recipe_sha256='{RECIPE}', seeded=False, block=(0, 10))\n"
        "os.kill(os.getpid(), signal.SIGKILL)  # before its mechanism runs\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Ledger.open(path) as ledger:
        assert ledger.steps_charged(RECIPE) == 10
        assert ledger.epsilon() == epsilon_spent([sampled_gaussian(Q, SIGMA, 10)], BUDGET.delta) > 0


def test_pitfall_epsilon_of_the_steps_planned_not_of_those_charged(tmp_path):
    """A run crashes and its steps are charged again: a figure from the plan, or from the steps kept, under-reports."""
    planned = 100

    def wrong_by_plan(_):
        return epsilon_spent([sampled_gaussian(Q, SIGMA, planned)], BUDGET.delta)

    def wrong_by_last_step(ledger):
        return epsilon_spent([sampled_gaussian(Q, SIGMA, ledger.steps_charged(RECIPE))], BUDGET.delta)

    with new(tmp_path, Budget(8.0, 1e-5)) as ledger:
        for first in range(0, 60, 10):
            pay(ledger, first, first + 10)
        for first in range(30, planned, 10):  # resumed from a checkpoint at 30
            pay(ledger, first, first + 10)
        really_run = [SelfComposed(PoissonSampled(Q, Gaussian(SIGMA)), 130)]
        truth = epsilon_spent(really_run, BUDGET.delta)
        assert ledger.epsilon() == truth
        for wrong in (wrong_by_plan, wrong_by_last_step):
            assert wrong(ledger) < truth


def test_a_hopeless_charge_is_refused(tmp_path):
    with new(tmp_path, Budget(500.0, 1e-5)) as ledger:
        with pytest.raises(BudgetRefused, match="infinite"):
            pay(ledger, 0, 1, sigma=1e-4)
        assert math.isfinite(ledger.epsilon())
