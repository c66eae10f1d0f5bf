"""The report of a run that read no scan: ε = 0 with its reason, no ledger, and no word about patients in the cohort."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from html import unescape
from typing import Any

import pytest

from medsyngen.errors import VerificationFailed
from medsyngen.report import (
    MechanismFacts,
    ReportFacts,
    build_report,
    check_report,
    render_html,
    report_json_bytes,
)


def words(value: Any) -> list[str]:
    """Every sentence, wherever it stands."""
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [sentence for part in parts for sentence in words(part)]


def said(facts: ReportFacts) -> str:
    return "\n".join(words(build_report(facts)["sentences"]))


def test_it_promises_that_no_scan_took_part_and_says_why(alone: ReportFacts) -> None:
    says = build_report(alone)["sentences"]
    assert "No scan was read" in says["promise"][0]
    assert "No private scan taught the generator" in says["promise"][0]
    assert [item["title"] for item in says["outside"]] == [
        "Public choices",
        "Choices of settings",
        "Classes",
        "Quality",
    ]
    assert (says["guess"], says["statement"], says["alerts"]) == (None, None, [])
    assert says["ledger"] == ["There is no ledger: no scan was read, so there was nothing to charge."]
    assert set(says["stages"]) == {"No privacy cost: learned from phantoms only."}


def test_nothing_is_said_that_only_a_ledger_or_a_cohort_could_say(alone: ReportFacts) -> None:
    for facts in (alone, replace(alone, release=None)):
        text = said(facts)
        assert not re.search(
            r"ledger (records|of the site|holds)|N_max|budget (is|was)|charged? (so far|in)|the patient's|under one "
            r"patient key|preflight|noise multiplier|these patients|learned from (these|the) patients",
            text,
        ), text


def test_the_page_shows_no_budget_and_no_hatched_bar(alone: ReportFacts, facts: ReportFacts) -> None:
    def page(one: ReportFacts) -> str:
        report = build_report(one)
        return unescape(render_html(report, hashlib.sha256(report_json_bytes(report)).hexdigest()).decode())

    without, usual = page(alone), page(facts)
    assert "No scan was read, so no budget was needed." in without
    assert "Budget: ε" not in without
    assert "Hatched" not in without
    assert "Budget: ε" in usual
    assert "Hatched" in usual


def test_classes_are_names_only_where_no_label_was_seen(alone: ReportFacts, facts: ReportFacts) -> None:
    assert "Classes are names only." in said(alone)
    assert "Classes are names only." not in said(facts)
    assert "Classes are names only." not in said(replace(alone, recipe={"name": "none declared"}))
    assert "Classes are names only." in said(replace(alone, recipe={"name": "x", "conditions": [{"name": "sex"}]}))


PRIVATE: dict[str, dict[str, Any]] = {
    "a private stage": {},
    "no stage at all": {"stages": ()},
    "spent": {"epsilon": 0.5},
    "a δ": {"delta": 1e-6},
    "a run": {"run": "0123456789abcdef"},
    "a look": {"looks": 1},
    "a bound on patients": {"patients_at_most": 40},
    "a reason": {"own_ledger_reason": "a trial"},
    "a mechanism": {"mechanism": MechanismFacts(1.0, 4, 3, 600)},
}


@pytest.mark.parametrize("name", PRIVATE)
def test_no_ledger_beside_anything_private_is_refused(alone: ReportFacts, facts: ReportFacts, name: str) -> None:
    change = PRIVATE[name] or {"stages": facts.stages}
    build_report(alone)
    with pytest.raises(VerificationFailed):
        build_report(replace(alone, **change))


@pytest.mark.parametrize("change", [{"ledger_head": ""}, {"total": None}, {"patients_at_most": None}])
def test_a_charged_run_can_not_pass_for_one_without_scans(facts: ReportFacts, change: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed):
        build_report(replace(facts, **change))


def test_a_reader_refuses_the_json_of_a_private_stage_without_a_ledger(alone: ReportFacts, facts: ReportFacts) -> None:
    """By schema alone: the sentences are made again, as who forges a report would."""
    from medsyngen.report.sentences import compose

    forged = json.loads(report_json_bytes(build_report(alone)))
    check_report(forged)
    forged["stages"] = build_report(facts)["stages"]
    forged["sentences"] = json.loads(json.dumps(compose({k: v for k, v in forged.items() if k != "sentences"})))
    with pytest.raises(VerificationFailed, match="schema"):
        check_report(forged)


def test_every_sentence_about_epsilon_names_delta(alone: ReportFacts) -> None:
    claims = [each for each in words(build_report(alone)["sentences"]) if re.search(r"ε = \d", each)]
    assert claims
    assert all("δ = 0" in each for each in claims)
