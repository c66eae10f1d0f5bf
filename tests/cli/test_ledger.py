"""``medsyngen ledger show``: what was charged, and ε computed from it."""

from __future__ import annotations

import pytest

from medsyngen.privacy.budget import Budget, round_up
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.ledger import Ledger


@pytest.fixture
def run(tmp_path):
    with Ledger.create(
        tmp_path / "ledger.jsonl", budget=Budget(8.0, 1e-5), patients_at_most=500, reason="a test"
    ) as ledger:
        for first in (0, 10):
            event = sampled_gaussian(0.1, 1.5, 10)
            ledger.charge(event, purpose="training", recipe_sha256="0" * 64, seeded=False, block=(first, first + 10))
        ledger.look("somebody looked")
    return tmp_path


def test_a_run_and_its_ledger_file_show_the_same(cli, run):
    by_run, by_file = cli("ledger", "show", run, "--json"), cli("ledger", "show", run / "ledger.jsonl", "--json")
    assert by_run.code == 0
    assert by_run.json == by_file.json


def test_epsilon_is_computed_from_the_events(cli, run):
    shown = cli("ledger", "show", run, "--json").json
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        assert shown["guarantee"]["epsilon"] == round_up(ledger.epsilon())
    after = [line["epsilon_after"] for line in shown["lines"]]
    assert after[0] == 0.0
    assert 0.0 < after[1] < after[2] == after[3] == shown["guarantee"]["epsilon"]
    assert shown["guarantee"]["unit"] == "patient"
    assert shown["looks"] == ["somebody looked"]


def test_people_never_read_epsilon_alone(cli, run):
    done = cli("ledger", "show", run)
    for words in (
        "at δ = 1e-5, per patient",
        "one patient's record",
        "a test",
        "looks at private results: 1",
        "0 to 10",
    ):
        assert words in done.text


def test_showing_changes_nothing(cli, run):
    before = (run / "ledger.jsonl").read_bytes()
    cli("ledger", "show", run)
    assert (run / "ledger.jsonl").read_bytes() == before


def test_a_changed_line_is_named_and_ends_with_7(cli, run):
    path = run / "ledger.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"training"', b'"draining"', 1))
    done = cli("ledger", "show", run)
    assert (done.code, done.out) == (7, "")
    assert "line 2" in done.err


def test_no_ledger_is_a_usage_error(cli, tmp_path):
    assert cli("ledger", "show", tmp_path).code == 2
