"""Reports side by side: what differs is marked, what bears on the promise is said, losses are counted as ledgers do."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.report import ReportFacts, build_report, compare_html
from medsyngen.report.compare import groups, letters
from medsyngen.report.compare_recipes import ABSENT, recipe_differences
from medsyngen.report.compare_sentences import to_look_at, together
from tests.report.pages import Tree
from tests.report.test_render import HOSTILE, hostile

OTHER = "fedcba9876543210"


def said(*facts: ReportFacts) -> str:
    reports = [build_report(each) for each in facts]
    return "\n".join(to_look_at(reports, letters(reports)))


def cost(*facts: ReportFacts) -> str:
    reports = [build_report(each) for each in facts]
    return "\n".join(together(reports, letters(reports)))


def later(facts: ReportFacts, ledger: SimpleNamespace) -> ReportFacts:
    """Another run, on the same ledger, after this one."""
    first = [{k: v for k, v in line.items() if k not in ("n", "hash", "previous")} for line in facts.ledger_lines]
    more = [ledger.reserve(60, run=OTHER), {"kind": "look", "purpose": "evaluate"}, ledger.charge(60, run=OTHER)]
    total = {**(facts.total or {}), "runs": 2, "in_advance": 9.5, "by_filter": 11.25}
    lines = {"looks": 1, "run": OTHER, "epsilon": 2.5, "total": total}
    return ledger.on(replace(facts, **lines), *first, *more)


def test_a_report_beside_itself_has_nothing_to_look_at_but_that(facts: ReportFacts) -> None:
    reports = [build_report(facts)] * 2
    assert not any(row.differs for rows in groups(reports).values() for row in rows)
    assert said(facts, facts) == "A and B are reports of one run; what patients paid for it is counted once."
    assert cost(facts, facts).endswith("as one run: what one of them cost is not paid again by the other.")


@pytest.mark.parametrize(
    ("bent", "words"),
    [
        ({"seeded": True}, "B is marked SEEDED"),
        ({"not_private": True}, "B is marked NOT PRIVATE"),
        ({"epsilon_budget": 7.0}, "B is marked OVER BUDGET"),
        ({"patients_at_most": 3600}, "N_max differs (A: 3,500, B: 3,600)"),
        ({"looks": 2}, "Before B came 2 looks at private results"),
        ({"accountant": "another"}, "counted by different versions"),
        ({"versions": {"medsyngen": "0.2.0"}}, "counted by different versions"),
        ({"epsilon": 7.5, "epsilon_after": ()}, "A promises a patient less than B: ε = 8.00 against 7.50"),
    ],
)
def test_what_bears_on_the_promise_is_said(facts: ReportFacts, bent: dict[str, Any], words: str) -> None:
    assert words in said(facts, replace(facts, **bent))
    assert words not in said(facts, facts)


def test_curves_that_cross_are_not_called_weaker(facts: ReportFacts) -> None:
    told = said(replace(facts, delta_at_zero=0.1), replace(facts, epsilon=7.5, epsilon_after=(), delta_at_zero=0.2))
    assert "A has the larger ε (ε = 8.00 against 7.50), but B leaves a guesser the better chance" in told
    assert "promises a patient less" not in told


def test_one_ledger_counts_both_runs_together(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    after = later(facts, ledger)
    assert "not on one ledger" not in said(facts, after)
    told = cost(facts, after)
    assert "A and B were charged to one ledger" in told
    assert "all 2 runs on it together are ε = 9.50" in told  # the newest report's total, not the first one's
    assert "ε = 11.25" in told


def test_two_ledgers_are_added_up(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    alone = ledger.on(
        replace(facts, epsilon=2.5, own_ledger_reason="x", run=OTHER), ledger.opening("x"), ledger.charge(60, run=OTHER)
    )
    assert "A and B are not on one ledger" in said(facts, alone)
    assert "B has a ledger of its own" in said(facts, alone)
    assert "is promised ε = 10.50 and δ = 5.8 × 10⁻⁶ in all" in cost(facts, alone)


def test_a_ledger_with_two_histories_is_found(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    first = ledger.on(facts, ledger.opening(), ledger.charge(120))
    second = ledger.on(facts, ledger.opening(), ledger.charge(121))
    assert "begin alike and go on differently" in said(first, second)
    assert "begin alike and go on differently" not in said(facts, later(facts, ledger))


def test_a_run_without_scans_costs_nothing(facts: ReportFacts, alone: ReportFacts) -> None:
    assert "B costs a patient nothing" in cost(facts, alone)
    assert "Private scans taught different bands (A: context; B: none)" in said(facts, alone)


def test_without_a_guarantee_nothing_is_counted(facts: ReportFacts) -> None:
    assert "Of B nothing can be counted" in cost(facts, replace(facts, seeded=True))


def test_rows_mark_what_differs(facts: ReportFacts, alone: ReportFacts) -> None:
    rows = {row.title: row for part in groups([build_report(facts), build_report(alone)]).values() for row in part}
    assert rows["ε of this run, per patient"].cells == ("8.00", "0")
    assert rows["N_max"].cells == ("3,500", "none")
    assert rows["ε of this run, per patient"].differs
    assert not rows["Formats"].differs


def test_recipes_are_compared_place_by_place_the_promise_first() -> None:
    one = {
        "name": "a",
        "privacy": {"epsilon": 8.0},
        "synthesis": {"phantoms": [{"name": "x"}], "private": {"steps": 5}},
    }
    two = {"name": "b", "privacy": {"epsilon": 4.0}, "synthesis": {"phantoms": [{"name": "x"}, {"name": "y"}]}}
    found = recipe_differences([one, two])
    assert [each.place for each in found] == [
        *("privacy.epsilon", "synthesis.private.steps", "synthesis.phantoms[2].name", "name")
    ]
    assert [each.to_look_at for each in found] == [True, True, False, False]
    assert found[0].values == ("8.0", "4.0")
    assert found[1].values == ("5", ABSENT)


def test_a_place_that_nobody_knows_is_to_be_looked_at() -> None:
    (found,) = recipe_differences([{"privacies": 1}, {"privacies": 2}])
    assert (found.to_look_at, found.about) == (True, "other")


def test_the_page_shows_each_and_escapes(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    reports = [build_report(facts), build_report(hostile(facts, ledger))]
    page = compare_html(reports, ["1" * 64, "2" * 64])
    tree = Tree(page).root
    assert not list(tree.all("script", "iframe", "link", "form"))
    assert HOSTILE in tree.words() or "<script>alert(1)</script>" in tree.words()
    for told in ("1" * 64, "2" * 64, "What a reviewer should look at", "What they cost one patient together"):
        assert told in tree.words()
    assert len(list(tree.all("img"))) == 2
    assert all(str(node.attributes["src"]).startswith("data:image/png") for node in tree.all("img"))


def test_a_doctored_report_is_refused(facts: ReportFacts) -> None:
    doctored = build_report(facts)
    doctored["guarantee"]["epsilon"] = 0.1
    with pytest.raises(VerificationFailed):
        compare_html([build_report(facts), doctored], ["0" * 64] * 2)


def test_one_report_is_no_comparison(facts: ReportFacts) -> None:
    with pytest.raises(UsageError):
        compare_html([build_report(facts)], ["0" * 64])


def test_a_ledger_that_forked_has_no_total(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    """Each report knows one run; what both cost a patient stands on no ledger, and neither total holds."""
    third = "0123456789abcdef"
    first = [{k: v for k, v in line.items() if k not in ("n", "hash", "previous")} for line in facts.ledger_lines]
    total = {**(facts.total or {}), "runs": 2, "in_advance": 9.5, "by_filter": 11.25}
    branches = [
        ledger.on(
            replace(facts, run=run, epsilon=2.5, total=total, looks=0),
            *first,
            *(ledger.reserve(60, run=run), ledger.charge(60, run=run)),
        )
        for run in (OTHER, third)
    ]
    told = cost(*branches)
    assert "no total can be told" in told
    assert "9.5" not in told
    elsewhere = ledger.on(
        replace(facts, epsilon=2.5, own_ledger_reason="x", run=OTHER), ledger.opening("x"), ledger.charge(60, run=OTHER)
    )
    assert "no sum can be told" in cost(*branches, elsewhere)
    assert "no sum can be told" not in cost(facts, elsewhere)
    assert "no total can be told" not in cost(facts, later(facts, ledger))
