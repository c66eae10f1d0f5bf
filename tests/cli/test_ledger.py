"""``medsyngen ledger``: a site's budget, what was charged, and ε computed from it."""

from __future__ import annotations

import pytest

from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import round_up
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.ledger import Ledger

CREATE = ("ledger", "create", "--epsilon", 8, "--patients-at-most", 500, "--approved-by", "Dr Data Protection")
PLAN = sampled_gaussian(0.1, 1.5, 20)


@pytest.fixture
def booked(cli, site):
    """The ledger of the site with half a run in it."""
    assert cli(*CREATE).code == 0
    with Ledger.open(site) as ledger:
        account = ledger.begin("0123456789abcdef", recipe_sha256="0" * 64, plan=PLAN, seeded=False)
        for first in (0, 5):
            account.charge(sampled_gaussian(0.1, 1.5, 5), purpose="training", block=(first, first + 5))
        ledger.look("somebody looked")
    return site


def test_a_site_makes_its_ledger_once(cli, site):
    done = cli(*CREATE, "--json")
    assert done.code == 0
    assert done.json["budget"] == {"epsilon": 8.0, "delta": 1e-5}
    assert "per patient" in done.err
    with Ledger.open(site, read_only=True) as ledger:
        assert ledger.account.reason is None
        assert ledger.account.approved_by == "Dr Data Protection"
    before = site.read_bytes()
    again = cli(*CREATE)
    assert again.code == 2
    assert "exists already" in again.err
    assert site.read_bytes() == before


@pytest.mark.parametrize(
    ("code", "option", "value"),
    [(5, "--delta", "0.01"), (2, "--epsilon", "-1"), (2, "--approved-by", "  "), (2, "--patients-at-most", "0")],
)
def test_a_budget_that_makes_no_sense_makes_no_ledger(cli, site, code, option, value):
    assert cli(*CREATE, option, value).code == code
    assert not site.exists()


def test_the_place_can_be_named(cli, tmp_path, site):
    place = tmp_path / "deep" / "books.jsonl"
    assert cli(*CREATE, "--ledger", place).code == 0
    assert place.is_file()
    assert not site.exists()
    assert cli("ledger", "show", "--ledger", place).code == cli("ledger", "show", place).code == 0


def test_the_site_and_its_ledger_file_show_the_same(cli, booked):
    by_site, by_file = cli("ledger", "show", "--json"), cli("ledger", "show", booked, "--json")
    assert by_site.code == 0
    assert by_site.json == by_file.json


def test_epsilon_is_computed_from_the_events(cli, booked):
    shown = cli("ledger", "show", "--json").json
    expected = round_up(epsilon_spent([sampled_gaussian(0.1, 1.5, 10)], 1e-5))
    (run,) = shown["runs"].values()
    assert run["guarantee"]["epsilon"] == expected == shown["total"]["epsilon_in_advance"]
    assert run["guarantee"]["unit"] == "patient"
    assert run["held"] == 10
    assert shown["total"]["epsilon_by_filter"] > expected
    after = [line["epsilon_after"] for line in shown["lines"]]
    assert after[:2] == [None, None]
    assert 0.0 < after[2] < after[3] == expected
    assert shown["looks"] == ["somebody looked"]


def test_people_never_read_epsilon_alone(cli, booked):
    done = cli("ledger", "show")
    for words in (
        "at δ = 1e-5 per patient",
        "one patient's record",
        "Dr Data Protection",
        "Rényi filter",
        "still holds 10 steps",
        "looks at private results: 1",
        "0 to 5",
    ):
        assert words in done.text


def test_what_an_abandoned_run_holds_can_be_given_back(cli, booked):
    done = cli("ledger", "close", "01234567", "--json")  # a beginning that only one run has
    assert (done.code, done.json) == (0, {"closed": "0123456789abcdef"})
    shown = cli("ledger", "show", "--json").json
    (run,) = shown["runs"].values()
    assert (run["closed"], run["held"]) == (True, 0)
    assert run["guarantee"]["epsilon"] > 0
    for name in ("0123456789abcdef", "nobody"):
        assert cli("ledger", "close", name).code == 2


def test_showing_changes_nothing(cli, booked):
    before = booked.read_bytes()
    cli("ledger", "show")
    assert booked.read_bytes() == before


def test_a_changed_line_is_named_and_ends_with_7(cli, booked):
    booked.write_bytes(booked.read_bytes().replace(b'"training"', b'"draining"', 1))
    done = cli("ledger", "show")
    assert (done.code, done.out) == (7, "")
    assert "line 3" in done.err


def test_no_ledger_is_a_usage_error(cli, tmp_path):
    assert cli("ledger", "show").code == 2
    assert cli("ledger", "show", tmp_path).code == 2
    assert cli("ledger", "show", tmp_path / "nowhere").code == 2
