"""Sentences follow the facts: bend a fact and its sentence changes; without a guarantee none is claimed."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from medsyngen.report import MechanismFacts, ReportFacts, StageFacts, build_report

FLAGS: dict[str, Any] = {"not_private": {"not_private": True}, "seeded": {"seeded": True}}


def words(value: Any) -> list[str]:
    """Every sentence, wherever it stands."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [sentence for part in parts for sentence in words(part)]


def said(facts: ReportFacts) -> str:
    return "\n".join(words(build_report(facts)["sentences"]))


BENT: dict[str, dict[str, Any]] = {
    "epsilon": {"epsilon": 7.5, "epsilon_after": ()},
    "looks": {"looks": 2},
    "N_max": {"patients_at_most": 3600},
    "accountant": {"accountant": "another"},
    "seeded": {"seeded": True},
    "not private": {"not_private": True},
    "run": {"release": None},
    "total variation": {"delta_at_zero": 0.4},
    "mechanism": {"mechanism": MechanismFacts(2.0, 4, 3, 600)},
    "planned": {"mechanism": MechanismFacts(1.0, 4, 3, 700)},
    "over budget": {"epsilon_budget": 7.0},
    "head": {"ledger_head": "0" * 64},
    "stages": {"stages": (StageFacts("all", "private scans", 0.0, float("inf"), "all"),)},
    "classes": {"recipe": {"name": "other", "classes": [{"name": "pneumonia"}]}},
}


@pytest.mark.parametrize("name", BENT)
def test_bending_a_fact_changes_what_is_said(facts: ReportFacts, name: str) -> None:
    assert said(replace(facts, **BENT[name])) != said(facts)


@pytest.mark.parametrize("bent", [{"sigma": 3.0}, {"q": 0.06}, {"steps": 240}])
def test_bending_the_ledger_changes_what_is_said(
    facts: ReportFacts, ledger: SimpleNamespace, bent: dict[str, Any]
) -> None:
    one = ledger.on(facts, ledger.opening(), ledger.charge(**{"steps": 120} | bent))
    assert said(one) != said(ledger.on(facts, ledger.opening(), ledger.charge(120)))


def test_another_delta_and_a_reason_are_said(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    small = ledger.on(facts, ledger.opening(delta=1e-6), ledger.charge(120), delta=1e-6)
    assert "1.0 × 10⁻⁶" in said(small)
    own = ledger.on(facts, ledger.opening("a public set"), ledger.charge(120), own_ledger_reason="a public set")
    says = build_report(own)["sentences"]
    assert "“a public set”" in says["beside_epsilon"][1]
    assert "of this run alone" in "".join(item["text"] for item in says["outside"])


@pytest.mark.parametrize(("flag", "mark"), [("not_private", "NOT PRIVATE"), ("seeded", "SEEDED — NOT FOR RELEASE")])
def test_without_a_guarantee_it_says_so_first_and_claims_none(facts: ReportFacts, flag: str, mark: str) -> None:
    report = build_report(replace(facts, **FLAGS[flag]))
    says = report["sentences"]
    assert says["alerts"][0]["mark"] == mark
    assert report["guarantee"]["epsilon"] is None
    assert report["guarantee"]["delta"] is None
    assert says["statement"] is None
    assert says["guess"] is None
    assert says["promise"][0].startswith("Nothing is promised")
    assert not re.search(r"ε = |no privacy cost|paid for by", "\n".join(words(says)), re.IGNORECASE)
    assert says["decides"].startswith("There is nothing to decide")


def test_a_sound_report_has_no_alert_and_states_the_guarantee(facts: ReportFacts) -> None:
    says = build_report(facts)["sentences"]
    assert says["alerts"] == []
    assert "P[M(cohort) ∈ S] ≤ e^ε · P[M(cohort′) ∈ S] + δ" in says["statement"]
    assert "floating point is mitigated, not proved" in "\n".join(words(says["outside"]))


def test_no_epsilon_without_delta(facts: ReportFacts) -> None:
    bent = [facts, *(replace(facts, **change) for change in BENT.values())]
    sentences = [sentence for one in bent for sentence in words(build_report(one)["sentences"])]
    claims = [sentence for sentence in sentences if re.search(r"ε = \d", sentence)]
    assert claims
    assert all(("δ" in sentence and "patient" in sentence) or "person" in sentence for sentence in claims)


def test_nobody_is_told_that_a_law_is_kept(facts: ReportFacts) -> None:
    for one in (facts, *(replace(facts, **change) for change in BENT.values())):
        assert not re.search(r"hipaa|gdpr|complian|anonym|safe\b|guaranteed", said(one), re.IGNORECASE)


def test_no_privacy_cost_is_said_of_phantoms_alone_and_only_before_any_look(
    facts: ReportFacts, ledger: SimpleNamespace
) -> None:
    free = "No privacy cost: learned from phantoms only."
    stages = build_report(facts)["sentences"]["stages"]
    assert stages == [free, free, "Paid for by the charges in the ledger."]
    after_looks = build_report(replace(facts, looks=1))["sentences"]["stages"]
    assert free not in after_looks
    assert "the 1 look at private results" in after_looks[0]
    private = replace(facts, stages=tuple(replace(stage, data="private scans") for stage in facts.stages))
    assert free not in build_report(private)["sentences"]["stages"]
    unprotected = build_report(replace(facts, not_private=True))["sentences"]["stages"]
    assert unprotected[2] == "Private scans without any protection."


def test_looks_stand_beside_epsilon_in_the_agreed_words(facts: ReportFacts) -> None:
    beside = build_report(replace(facts, looks=3))["sentences"]["beside_epsilon"]
    assert beside[0] == (
        "Holds for the mechanism; 3 looks at private results came before this release; "
        "choices made after them are not covered."
    )


def codes(facts: ReportFacts) -> list[str]:
    return [alert["code"] for alert in build_report(facts)["sentences"]["alerts"]]


def test_alerts_for_a_budget_overrun_and_a_large_delta(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    assert codes(replace(facts, epsilon_budget=7.0)) == ["over-budget"]
    for delta, expected in ((1.01 / 35_000, ["delta-too-large"]), (0.99 / 35_000, [])):
        assert codes(ledger.on(facts, ledger.opening(delta=delta), ledger.charge(600), delta=delta)) == expected


def test_a_high_bound_is_called_high(facts: ReportFacts) -> None:
    assert "excludes little" in build_report(facts)["sentences"]["guess"]["text"]
    small = build_report(replace(facts, epsilon=0.5, epsilon_after=()))["sentences"]["guess"]
    assert "excludes little" not in small["text"]
    assert small["bound"] == pytest.approx(0.622461, abs=2e-6)


def test_gaps_in_the_chain_are_said(facts: ReportFacts) -> None:
    gap = facts.ledger_lines[:2] + facts.ledger_lines[3:]
    says = build_report(replace(facts, ledger_lines=gap, epsilon_after=()))["sentences"]["ledger"]
    assert "not consecutive" in says[0]
    cut = build_report(replace(facts, ledger_lines=facts.ledger_lines[:-1], epsilon_after=()))["sentences"]["ledger"]
    assert "goes on after" in cut[1]
