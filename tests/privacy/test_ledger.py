"""The ledger: charged before it runs, within what was reserved, through kills and edits."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ledgers import BUDGET, PURPOSE, SIGMA, Q, begin, new, pay

from medsyngen.errors import BudgetRefused, MedsyngenError, UsageError, VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise, sampled_gaussian
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled
from medsyngen.privacy.ledger import Ledger


def test_the_first_line_holds_the_budget_and_no_time(tmp_path):
    with new(tmp_path, reason=None, approved_by="the data protection officer") as ledger:
        (line,) = ledger.lines
        assert {key: line[key] for key in line if key not in ("hash", "previous")} == {
            "n": 0,
            "kind": "open",
            "format": "medsyngen ledger 2",
            "unit": "patient",
            "adjacency": "add or remove one patient's record",
            "epsilon": 1.0,
            "delta": 1e-5,
            "patients_at_most": 500,
            "reason": None,
            "approved_by": "the data protection officer",
        }
        assert ledger.account.approved_by == "the data protection officer"
        assert ledger.total().in_advance == 0.0
    assert stat.S_IMODE((tmp_path / "ledger.jsonl").stat().st_mode) == 0o600


def test_delta_too_large_for_the_patients_opens_no_ledger(tmp_path):
    with pytest.raises(BudgetRefused):
        new(tmp_path, Budget(1.0, 1e-3))
    assert list(tmp_path.iterdir()) == []


def test_everything_comes_back_after_reopening(tmp_path):
    with new(tmp_path) as ledger:
        account = begin(ledger, Composed((sampled_gaussian(Q, SIGMA, 20), Gaussian(40.0))))
        pay(account, 0, 10)
        ledger.look("evaluate")
        pay(account, 10, 20)
        account.charge(Gaussian(40.0), purpose="mean portrait", block=(0, 1))
        before = (ledger.lines, ledger.events(), ledger.head, ledger.total(), ledger.looks, account.guarantee())
    for read_only in (True, False):
        with Ledger.open(tmp_path / "ledger.jsonl", read_only=read_only) as again:
            assert before[:-1] == (again.lines, again.events(), again.head, again.total(), again.looks)
            assert (again.account.budget, again.looks, again.head.n) == (BUDGET, ("evaluate",), 5)
            assert again.runs["run"].left() == {}
    with Ledger.open(tmp_path / "ledger.jsonl") as again:
        account = begin(again, Composed((sampled_gaussian(Q, SIGMA, 20), Gaussian(40.0))))
        assert account.guarantee() == before[-1]
        assert [account.steps_charged(p) for p in (PURPOSE, "mean portrait", "votes")] == [20, 1, 0]
        assert len(again.lines) == 6  # the reservation was found again, not made twice


def test_epsilon_of_a_run_is_that_of_its_events_and_comes_with_its_delta(tmp_path):
    with new(tmp_path, Budget(3.0, 1e-5)) as ledger:
        account, other = begin(ledger, 50), begin(ledger, 30, "other")
        for first in range(0, 50, 10):
            pay(account, first, first + 10)
        pay(other, 0, 30)
        assert account.guarantee().epsilon == epsilon_spent([sampled_gaussian(Q, SIGMA, 50)], BUDGET.delta)
        assert "δ = 1e-5, per patient" in account.guarantee().sentence()
        assert ledger.total().in_advance == epsilon_spent([sampled_gaussian(Q, SIGMA, 80)], BUDGET.delta)


def test_the_plan_is_on_disk_before_begin_returns_and_its_charges_before_charge_does(tmp_path):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        pay(account, 0, 10)
        lines = [json.loads(row) for row in (tmp_path / "ledger.jsonl").read_text().splitlines()]
        assert [line["kind"] for line in lines] == ["open", "reserve", "charge"]
        assert lines[1]["plan"]["count"] == 20
        assert {line["run"] for line in lines[1:]} == {"run"}


@pytest.mark.parametrize(
    ("event", "block"),
    [
        (sampled_gaussian(Q, SIGMA, 21), (0, 21)),
        (sampled_gaussian(Q, SIGMA / 2, 1), (0, 1)),
        (sampled_gaussian(Q / 2, SIGMA, 1), (0, 1)),
        (Gaussian(50.0), (0, 1)),
    ],
)
def test_a_charge_beyond_the_plan_is_refused_and_writes_nothing(tmp_path, event, block):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        before = (tmp_path / "ledger.jsonl").read_bytes()
        with pytest.raises(BudgetRefused, match="not in what is left") as refusal:
            account.charge(event, purpose=PURPOSE, block=block)
        assert refusal.value.exit_code == 5
        assert (tmp_path / "ledger.jsonl").read_bytes() == before


def test_a_plan_can_be_spent_once(tmp_path):
    sigma = calibrate_noise(BUDGET, sampling_rate=Q, steps=300)
    with new(tmp_path) as ledger:
        account = begin(ledger, sampled_gaussian(Q, sigma, 300))
        for first in range(0, 300, 10):
            pay(account, first, first + 10, sigma=sigma)
        assert account.guarantee().epsilon <= BUDGET.epsilon
        with pytest.raises(BudgetRefused):
            pay(account, 300, 301, sigma=sigma)


def test_an_event_the_accountant_can_not_bound_is_refused(tmp_path):
    event = PoissonSampled(0.1, PoissonSampled(0.1, Gaussian(50.0)))
    with new(tmp_path) as ledger:
        with pytest.raises(BudgetRefused, match="no sound bound"):
            begin(ledger, event)
        assert len(ledger.lines) == 1


@pytest.mark.parametrize("block", [(0, 6), (3, 3), (5, 2), (-1, 2)])
def test_an_event_pays_for_no_more_steps_than_it_holds(tmp_path, block):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        with pytest.raises(ValueError, match="can't pay"):
            account.charge(sampled_gaussian(Q, SIGMA, 5), purpose="p", block=block)
        assert len(ledger.lines) == 2


def test_a_run_that_goes_on_with_another_plan_or_recipe_is_refused(tmp_path):
    with new(tmp_path) as ledger:
        begin(ledger, 20)
        with pytest.raises(UsageError, match="another plan"):
            begin(ledger, 21)
        with pytest.raises(UsageError, match="another plan"):
            ledger.begin("run", recipe_sha256="cd" * 32, plan=sampled_gaussian(Q, SIGMA, 20), seeded=False)


def test_a_closed_run_is_charged_no_more(tmp_path):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        pay(account, 0, 5)
        ledger.close_run("run", "given up")
        plan = sampled_gaussian(Q, SIGMA, 20)
        for act in (lambda: pay(account, 5, 6), lambda: begin(ledger), lambda: ledger.check_run("run", plan)):
            with pytest.raises(BudgetRefused, match="given back"):
                act()
        for name in ("run", "nobody"):
            with pytest.raises(UsageError, match="no open run"):
                ledger.close_run(name, "given up")
    with Ledger.open(tmp_path / "ledger.jsonl") as again:
        assert again.runs["run"].closed
        assert len(again.events()) == 1


def test_a_failed_write_keeps_the_reservation_and_charges_nothing(tmp_path, monkeypatch):
    with new(tmp_path) as ledger:
        account = begin(ledger, 10)

        def full(*_):
            raise OSError(28, "")

        with monkeypatch.context() as patch:
            patch.setattr(os, "pwrite", full)
            with pytest.raises(MedsyngenError, match="No space left"):
                pay(account, 0, 10)
        assert ledger.events() == ()
        pay(account, 0, 10)
        assert account.steps_charged(PURPOSE) == 10


def test_the_seeded_mark_is_sticky_and_keeps_off_the_ledger_of_the_site(tmp_path):
    with new(tmp_path) as ledger:
        pay(begin(ledger), 0, 1)
        account = begin(ledger, seeded=True)  # resumed with a seeded stream
        pay(account, 1, 2)
    with Ledger.open(tmp_path / "ledger.jsonl") as again:
        account = begin(again)
        assert account.seeded
        assert pay(account, 2, 3)["seeded"]
    site = tmp_path / "site"
    site.mkdir()
    with new(site, reason=None) as ledger:
        with pytest.raises(BudgetRefused, match="can be repeated"):
            begin(ledger, seeded=True)
        assert len(ledger.lines) == 1


def run_python(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    here = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    return subprocess.run(
        [sys.executable, "-c", here + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )


def test_two_processes_charge_in_turn_and_lose_nothing(tmp_path):
    code = (
        "from pathlib import Path; from ledgers import begin, pay\n"
        "from medsyngen.privacy.ledger import Ledger\n"
        "with Ledger.open(Path(sys.argv[1])) as ledger:\n"
        "    account = begin(ledger, 20, sys.argv[2])\n"
        "    for step in range(20): pay(account, step, step + 1)\n"
    )
    path = tmp_path / "ledger.jsonl"
    with new(tmp_path, Budget(5.0, 1e-5)):
        pass
    here = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
    both = [subprocess.Popen([sys.executable, "-c", here + code, str(path), name]) for name in ("one", "two")]
    assert [process.wait() for process in both] == [0, 0]
    with Ledger.open(path, read_only=True) as ledger:
        assert {name: len(run.charged) for name, run in ledger.runs.items()} == {"one": 20, "two": 20}
        assert len(ledger.lines) == 43


def test_killed_between_charge_and_mechanism_the_steps_stay_charged(tmp_path):
    with new(tmp_path):
        pass
    path = tmp_path / "ledger.jsonl"
    code = (
        "import os, signal; from pathlib import Path; from ledgers import begin, pay\n"
        "from medsyngen.privacy.ledger import Ledger\n"
        "pay(begin(Ledger.open(Path(sys.argv[1]))), 0, 10)\n"
        "os.kill(os.getpid(), signal.SIGKILL)  # before its mechanism runs\n"
    )
    done = run_python(code, path)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with Ledger.open(path) as ledger:
        account = begin(ledger)
        assert account.steps_charged(PURPOSE) == 10
        assert account.guarantee().epsilon == epsilon_spent([sampled_gaussian(Q, SIGMA, 10)], BUDGET.delta) > 0


def test_a_head_met_elsewhere_must_still_be_there(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with new(tmp_path) as ledger:
        account = begin(ledger)
        pay(account, 0, 5)
        early = ledger.head
        pay(account, 5, 10)
        late = ledger.head
        ledger.check_head(early, "the checkpoint")
        ledger.check_head(list(late), "the manifest")
    whole = path.read_bytes()
    path.write_bytes(whole[: whole[:-1].rindex(b"\n") + 1])  # rolled back by a line
    with Ledger.open(path) as shorter:
        shorter.check_head(early, "the checkpoint")
        with pytest.raises(VerificationFailed, match="ends at line 3, but the manifest was made when it held line 4"):
            shorter.check_head(late, "the manifest")
        pay(begin(shorter), 5, 9)  # and went on differently
        with pytest.raises(VerificationFailed, match=r"line 4 of ledger.jsonl is another one than when the manifest"):
            shorter.check_head(late, "the manifest")
    for nonsense in ([-1, "0" * 64], [None, ""], ["2", late.hash]):
        with Ledger.open(path) as other, pytest.raises(VerificationFailed):
            other.check_head(nonsense, "the manifest")
