"""The report's JSON: strict, canonical, free of what is not for release, and closed against contradictions."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed
from medsyngen.privacy.ledger import Ledger
from medsyngen.report import ReportFacts, StageFacts, build_report, check_report, report_json_bytes
from medsyngen.report.numbers import epsilon_text


def schema() -> dict[str, Any]:
    text = files("medsyngen.report").joinpath("report.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def test_the_schema_is_sound_and_the_report_fits_it(facts: ReportFacts) -> None:
    Draft202012Validator.check_schema(schema())
    assert Draft202012Validator(schema()).is_valid(build_report(facts))


@pytest.mark.parametrize(
    "where", [(), ("guarantee",), ("ledger",), ("ledger", "lines", 0), ("release",), ("stages", 0)]
)
def test_no_field_can_be_added(facts: ReportFacts, where: tuple[str | int, ...]) -> None:
    report = json.loads(report_json_bytes(build_report(facts)))
    place: Any = report
    for step in where:
        place = place[step]
    place["seconds_per_step"] = 0.3
    with pytest.raises(VerificationFailed):
        check_report(report)


def test_bytes_are_canonical(facts: ReportFacts) -> None:
    report = build_report(facts)
    shuffled = dict(reversed(list(report.items())))
    data = report_json_bytes(report)
    assert data == report_json_bytes(shuffled) == report_json_bytes(json.loads(data))
    assert data.endswith(b"}\n")
    assert "ε" in data.decode()


def test_a_time_in_the_ledger_does_not_get_out(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    bare = [{k: v for k, v in line.items() if k not in ("n", "previous", "hash")} for line in facts.ledger_lines]
    lines = ledger.chain(*({**line, "time": "2031-05-04T10:11:12"} for line in bare))
    with pytest.raises(VerificationFailed) as refused:
        build_report(replace(facts, ledger_lines=lines, ledger_head=lines[-1]["hash"]))
    assert "2031" not in "".join(refused.value.details)


def test_events_are_embedded_whole(facts: ReportFacts) -> None:
    lines = build_report(facts)["ledger"]["lines"]
    assert lines == list(facts.ledger_lines)  # so that the reader can compute the hashes again


def test_an_open_band_has_no_upper_edge(facts: ReportFacts) -> None:
    stages = (StageFacts("all", "private scans", 0.0, float("inf"), "everything"),)
    assert build_report(replace(facts, stages=stages))["stages"][0]["sigma_high"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"epsilon": 8.5},
        {"delta": 1e-9},
        {"epsilon_budget": 1e9},
        {"patients_at_most": 10},
        {"unit": "image"},
    ],
)
def test_a_changed_number_is_found_out(facts: ReportFacts, change: dict[str, Any]) -> None:
    report = build_report(facts)
    report["guarantee"] |= change
    with pytest.raises(VerificationFailed):
        check_report(report)


def test_a_changed_sentence_is_found_out(facts: ReportFacts) -> None:
    report = build_report(facts)
    report["sentences"]["promise"][0] = "All patients are perfectly protected."
    with pytest.raises(VerificationFailed):
        check_report(report)


CONTRADICTIONS: dict[str, dict[str, Any]] = {
    "private stage without a charge": {"ledger_lines": (), "epsilon": 0.0, "epsilon_after": ()},
    "infinite epsilon": {"epsilon": float("inf")},
    "NaN": {"epsilon": float("nan"), "epsilon_after": ()},
    "epsilon 0 though charged": {"epsilon": 0.0, "epsilon_after": ()},
    "running epsilon above the total": {"epsilon": 7.0},
    "running epsilon of another ledger": {"epsilon_after": (1.0,)},
    "evolved by no votes": {"stages": (StageFacts("all", "evolved phantoms", 0.0, 1.0, "everything"),)},
    "not a PNG": {"preview_png": b"<svg onload=alert(1)>"},
    "no N_max": {"patients_at_most": 0},
    "not a hash": {"recipe_sha256": "abc"},
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_contradictions_are_refused(facts: ReportFacts, name: str) -> None:
    with pytest.raises(VerificationFailed):
        build_report(replace(facts, **CONTRADICTIONS[name]))


CHARGES: dict[str, dict[str, Any]] = {
    "underpaid": {"block": [0, 121]},
    "unknown event": {"event": {"type": "shuffled"}},
    "no noise": {"event": {"type": "gaussian", "noise_multiplier": 0.0}, "block": [0, 1]},
    "seeded in silence": {"seeded": True},
    "unknown kind": {"kind": "gift"},
}


@pytest.mark.parametrize("name", CHARGES)
def test_contradictions_of_a_charge_are_refused(facts: ReportFacts, ledger: SimpleNamespace, name: str) -> None:
    build_report(ledger.on(facts, ledger.opening(), ledger.charge(120)))
    with pytest.raises(VerificationFailed):
        build_report(ledger.on(facts, ledger.opening(), ledger.charge(120, **CHARGES[name])))


def test_a_ledger_of_another_delta_or_reason_is_refused(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    for first in (ledger.opening(delta=1e-6), ledger.opening("a reason that the report leaves out")):
        with pytest.raises(VerificationFailed):
            build_report(ledger.on(facts, first, ledger.charge(120)))


def test_a_changed_line_is_found_out(facts: ReportFacts) -> None:
    report = json.loads(report_json_bytes(build_report(facts)))
    report["ledger"]["lines"][2]["purpose"] = "something else"
    with pytest.raises(VerificationFailed, match="a line of the ledger in this report was changed"):
        check_report(report)


def test_looks_on_the_ledger_cannot_be_left_out(facts: ReportFacts, ledger: SimpleNamespace) -> None:
    looked = ledger.on(facts, ledger.opening(), {"kind": "look", "purpose": "inspect"}, ledger.charge(120))
    with pytest.raises(VerificationFailed) as refused:
        build_report(looked)
    assert refused.value.details == ("fewer looks are reported than the ledger holds",)
    build_report(replace(looked, looks=1))


def test_a_real_ledger_goes_in_as_it_is(facts: ReportFacts, tmp_path: Path) -> None:
    sampled = PoissonSampled(0.05, Gaussian(4.0))
    path = tmp_path / "ledger.jsonl"
    with Ledger.create(path, budget=Budget(8.0, 1e-5), patients_at_most=3500, reason=None) as ledger:
        ledger.look("inspect")
        for run, recipe in (("ours", facts.recipe_sha256), ("theirs", "a" * 64)):
            plan = SelfComposed(sampled, 100)
            account = ledger.begin(run, recipe_sha256=recipe, plan=plan, seeded=False)
            for first in (0, 50):
                account.charge(SelfComposed(sampled, 50), purpose="context", block=(first, first + 50))
        total = ledger.total()
        spent = epsilon_spent(ledger.events("ours"), 1e-5)
        real = replace(
            facts,
            ledger_lines=ledger.lines,
            ledger_head=ledger.head.hash,
            run="ours",
            total={**vars(total), "epsilon_budget": 8.0, "approved_by": ""},
            epsilon=spent,
            delta=1e-5,
            epsilon_after=(),
            looks=len(ledger.looks),
        )
    report = build_report(real)
    details = {item["term"]: item["text"] for item in report["sentences"]["details"]}
    assert details["Steps charged"].startswith("T = 100")
    assert "σ_DP = 4" in details["Noise"]
    assert "2 other charges listed here belong to other runs" in report["sentences"]["ledger"][-1]
    site = report["sentences"]["beside_epsilon"][-1]
    assert f"Rényi filter of order {total.order}" in site
    assert "2 runs were charged so far" in site
    assert f"ε = {epsilon_text(total.in_advance)}" in site
    assert total.in_advance > spent


def test_charges_of_this_run_for_another_recipe_are_refused(facts: ReportFacts) -> None:
    with pytest.raises(VerificationFailed) as refused:
        build_report(replace(facts, recipe_sha256="0" * 64))
    assert refused.value.details == ("a charge of this run was made for another recipe",)


def test_a_ledger_with_room_for_one_run_says_so(facts: ReportFacts) -> None:
    report = build_report(replace(facts, total={**facts.total, "admits_more": False}))
    assert "the one run ever" in report["sentences"]["beside_epsilon"][-1]


def test_a_total_below_this_run_is_refused(facts: ReportFacts) -> None:
    with pytest.raises(VerificationFailed):
        build_report(replace(facts, total={**facts.total, "in_advance": 5.0}))
