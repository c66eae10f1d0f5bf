"""Fields A to P: all of them, in every kind of report, filled or with a reason, and each from its own fact."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from medsyngen.errors import VerificationFailed
from medsyngen.release.statements import Statements
from medsyngen.report import ReportFacts, build_report, check_report, report_json_bytes
from medsyngen.report.fields import SECTIONS, in_order

ASKED = {
    "A": "name curator description intended_use product_type region sector date identity hash_of_cohort contents "
    "contact authors prohibited_uses",
    "B": "modality body_part patients scans_per_patient cap_reason inclusion dates deidentification faces_and_text "
    "legal_basis",
    "C": "variant privacy_unit neighbours unprotected epsilon delta delta_times_patients epsilon_of_delta trade_off "
    "gaussian guess found group",
    "D": "accountant sampling parts clipping draws_per_scan truncation planned composition ledger other_runs budget",
    "E": "phantoms seed sources pretrained overlap band_edges",
    "F": "looks charged_looks runs settings selection normalisation",
    "G": "version code commit container hardware randomness secure_mode precision deterministic tests known_limits "
    "access what_leaves",
    "H": "model actors inside release_type further_releases data_source access attacker attacker_stated",
    "I": "verdict threat_model claimed size attack control has_power by",
    "J": "copies membership attributes bound",
    "K": "fidelity usefulness subgroups collapse measured",
    "L": "steps filters",
    "M": "why note deployments",
    "N": "summary data_protection_officer expert decision signed_on review_date",
    "O": "schema registry chain",
    "P": "dicom nifti bids png npz monai-bundle identity_removed",
}
AUDIT = {
    "recipe": "chest",
    "medsyngen": "0.1.0",
    "patients_at_most": 3500,
    "attacked": "training",
    "verdict": "consistent",
    "explanation": "Not refuted.",
    "threat_model": "White box.",
    "unit": "patient",
    "adjacency": "add or remove one patient's record",
    "claimed": {"epsilon": 8.0, "delta": 1e-5},
    "canaries": {"in": 60, "out": 68, "used_for_choosing": 64, "used_for_judging": 64},
    "steps": 600,
    "filter": {"noise": 1.0, "gain": 1.0},
    "attack": {"right": 12, "guesses": 20, "epsilon_95": 0.1, "tpr_interval": [0.0, 0.1]},
    "control_without_noise": {"right": 20, "guesses": 20, "epsilon_95": 1.8, "tpr_interval": [0.8, 1.0]},
    "attack_has_power": True,
}


def entries(facts: ReportFacts, letter: str, **bent: Any) -> Mapping[str, Any]:
    """The fields of a letter, of facts bent in one place."""
    found: Mapping[str, Any] = build_report(replace(facts, **bent))["fields"][letter]["entries"]
    return found


def kinds(facts: ReportFacts, alone: ReportFacts) -> dict[str, ReportFacts]:
    return {
        "released": facts,
        "a run": replace(facts, release=None),
        "without scans": alone,
        "seeded": replace(facts, seeded=True),
        "not private": replace(facts, not_private=True),
        "audited": replace(facts, audit={**AUDIT, "recipe_sha256": facts.recipe_sha256}),
    }


def test_every_field_is_there_in_every_kind_of_report(facts: ReportFacts, alone: ReportFacts) -> None:
    assert list(SECTIONS) == list(ASKED)
    for kind, each in kinds(facts, alone).items():
        fields = build_report(each)["fields"]
        assert {letter: set(part["entries"]) for letter, part in fields.items()} == {
            letter: set(names.split()) for letter, names in ASKED.items()
        }, kind
        for entry in (entry for part in fields.values() for entry in part["entries"].values()):
            assert len({"value", "not_applicable", "to_fill"} & set(entry)) == 1
            assert entry.get("not_applicable", "because ").startswith("because ")
            assert entry.get("to_fill", "by the hospital, because ").startswith("by the hospital, because ")
            assert entry.get("value", "filled") not in ("", None, [], {})


def test_the_reading_order_is_kept_when_keys_are_sorted(facts: ReportFacts) -> None:
    report = json.loads(report_json_bytes(build_report(facts)))
    told = [(letter, list(section)) for letter, _, section in in_order(report)]
    assert [letter for letter, _ in told] == list(ASKED)
    assert dict(told)["A"][:2] == ["name", "curator"]


def test_what_the_hospital_said_stands_in_its_field_and_nowhere_else(facts: ReportFacts) -> None:
    said = {"curator": "Sample Hospital", "justification": "Agreed with the officer.", "review_date": "2031-05-04"}
    assert entries(facts, "A")["curator"]["to_fill"]
    assert entries(facts, "A", statements=said)["curator"]["value"] == "Sample Hospital"
    assert entries(facts, "M", statements=said)["why"]["value"] == "Agreed with the officer."
    assert entries(facts, "N", statements=said)["review_date"]["value"] == "2031-05-04"
    assert "value" not in entries(facts, "N", statements=said)["decision"]  # nobody decides by writing a recipe


def test_a_statement_of_no_known_kind_is_refused(facts: ReportFacts) -> None:
    with pytest.raises(VerificationFailed):
        build_report(replace(facts, statements={"approved_by": "the director"}))


def test_delta_times_patients_is_a_product_and_missing_without_patients(facts: ReportFacts, alone: ReportFacts) -> None:
    assert entries(facts, "C")["delta_times_patients"]["value"] == facts.delta * 3500
    assert "N_max" in entries(alone, "C")["delta_times_patients"]["not_applicable"]


def test_without_a_guarantee_no_number_of_it_is_told(facts: ReportFacts) -> None:
    for bent, why in (({"seeded": True}, "seeded"), ({"not_private": True}, "off")):
        told = entries(facts, "C", **bent)
        for name in ("epsilon", "delta", "trade_off", "guess", "found", "gaussian", "group"):
            assert why in told[name]["not_applicable"]


def test_the_parts_of_the_bill_are_added_up_by_purpose(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    (part,) = entries(facts, "D")["parts"]["value"]
    assert part == {
        "purpose": "context expert",
        "sampling_probability": 0.05,
        "noise_multiplier": 2.4375,
        "steps": 600,
    }
    other = ledger.charge(7, q=1.0, run="ffffffffffffffff")
    lines = [ledger.opening(), ledger.reserve(600), ledger.charge(600), other]
    told = build_report(ledger.on(facts, *lines, total={**facts.total, "runs": 2}))["fields"]["D"]["entries"]
    assert [part["steps"] for part in told["parts"]["value"]] == [600]
    assert told["other_runs"]["value"]["runs_charged"] == 1
    assert told["ledger"]["value"]["charges_of_this_run"] == 1


def test_looks_are_listed_and_those_that_were_paid_apart(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    bought = ledger.charge(1, q=1.0, run="ffffffffffffffff", purpose="noised sum over patients (charged evaluation)")
    lines = [ledger.opening(), ledger.reserve(600), ledger.charge(600), {"kind": "look", "purpose": "evaluate"}, bought]
    told = build_report(ledger.on(facts, *lines, looks=1))["fields"]["F"]["entries"]
    assert told["looks"]["value"] == {"count": 1, "purposes": ["evaluate"]}
    assert told["charged_looks"]["value"] == ["noised sum over patients (charged evaluation)"]
    assert "not_applicable" in entries(facts, "F")["charged_looks"]


def test_an_audit_is_told_as_it_came_out(facts: ReportFacts) -> None:
    audit = {**AUDIT, "recipe_sha256": facts.recipe_sha256}
    told = entries(facts, "I", audit=audit)
    assert told["verdict"]["value"].startswith("consistent.")
    assert told["attack"]["value"] == audit["attack"]
    assert "medsyngen audit" in entries(facts, "I")["verdict"]["not_applicable"]


def test_a_refuted_claim_is_never_released_and_shown_first(facts: ReportFacts) -> None:
    refuted = {**AUDIT, "recipe_sha256": facts.recipe_sha256, "verdict": "VIOLATION"}
    with pytest.raises(VerificationFailed) as refused:
        build_report(replace(facts, audit=refuted))
    assert any("refuted" in line for line in refused.value.details)
    alerts = build_report(replace(facts, audit=refuted, release=None))["sentences"]["alerts"]
    assert alerts[0]["code"] == "audit"


def test_marks_are_told_of_the_formats_that_were_written(facts: ReportFacts) -> None:
    told = entries(facts, "P")
    assert {name for name, entry in told.items() if "value" in entry} == {"dicom", "png"}
    assert all("value" not in entry for entry in entries(facts, "P", release=None).values())


def test_a_field_that_was_changed_is_found_out(facts: ReportFacts) -> None:
    report = build_report(facts)
    report["fields"]["M"]["entries"]["deployments"]["value"][0]["epsilon"] = "99"
    with pytest.raises(VerificationFailed, match="fields"):
        check_report(report)


def test_no_field_says_that_a_law_is_met(facts: ReportFacts) -> None:
    text = report_json_bytes(build_report(facts)).decode().lower()
    assert "compliant" not in text
    assert "anonymous" not in text


def test_the_page_of_the_docs_names_every_field_and_every_statement() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "report.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_-]+)`", page))
    assert {name for names in ASKED.values() for name in names.split()} <= named
    assert {field.name for field in dataclasses.fields(Statements)} <= named
