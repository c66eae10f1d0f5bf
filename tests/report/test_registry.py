"""The registry's record: valid once a person has said what only a person can say, and never made up before."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from medsyngen.report import ReportFacts, build_report
from medsyngen.report.registry import registry_record, registry_yaml, to_fill
from tests.report.test_fields import AUDIT

SCHEMA = json.loads((Path(__file__).parent / "registry.schema.json").read_text(encoding="utf-8"))
SAID = {
    "curator": "Sample Hospital",
    "curator_type": "Nonprofit",
    "authors": ["Data team"],
    "intended_use": "Teaching.",
    "region": "Nowhere",
    "date": "2031-05-04",
}


def problems(record: Any) -> list[str]:
    """Where a record breaks the registry's schema."""
    validator = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
    return sorted(error.message for error in validator.iter_errors(record))


def record_of(facts: ReportFacts, **said: Any) -> dict[str, Any]:
    text = registry_yaml(build_report(replace(facts, statements=said)))
    assert text is not None
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def test_our_copy_of_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert problems({"url_slug": "x", "deployment": {}})


def test_what_was_said_makes_it_valid(facts: ReportFacts) -> None:
    record = record_of(facts, **SAID)
    assert problems(record) == []
    assert record["deployment"]["administrative"] == {"status": "Draft", "registry_authors": ["Data team"], "tier": 3}
    assert record["deployment"]["basic"]["publication_date"] == "2031-05-04"


def test_what_was_not_said_is_missing_and_named_at_its_head(facts: ReportFacts) -> None:
    report = build_report(facts)
    text = registry_yaml(report)
    assert text is not None
    record = registry_record(report)
    assert record is not None
    named = [line.rpartition(".")[0].rpartition(" ")[2] for line in to_fill(record)]
    assert len(to_fill(record)) == len(problems(record)) == len(named) == 5
    for field in ("data_curators", "intended_use", "data_product_region", "publication_date", "registry_authors"):
        assert f"{field} (recipe: report.".encode() in text
        assert any(field in each for each in problems(record))


def test_a_curator_without_a_kind_is_not_given_one(facts: ReportFacts) -> None:
    record = record_of(facts, **{key: words for key, words in SAID.items() if key != "curator_type"})
    assert problems(record) == ["'data_curators' is a required property"]


def test_its_numbers_are_rounded_up_and_stand_with_the_unit(facts: ReportFacts) -> None:
    loss = record_of(facts, **SAID)["deployment"]["privacy_loss"]
    assert loss["privacy_unit"] == "Patient"
    assert facts.epsilon <= loss["privacy_parameters"]["epsilon"] <= facts.epsilon * 1.001
    assert facts.delta <= loss["privacy_parameters"]["delta"] <= facts.delta * 1.001
    assert "added or removed" in loss["privacy_unit_details"]


def test_without_scans_it_is_pure_and_zero(alone: ReportFacts) -> None:
    record = record_of(alone, **SAID)
    assert problems(record) == []
    assert record["deployment"]["dp_variant"]["variant_name"] == "Pure DP"
    assert record["deployment"]["privacy_loss"]["privacy_parameters"] == {"epsilon": 0, "delta": 0}


def test_without_a_guarantee_there_is_none(facts: ReportFacts) -> None:
    assert registry_yaml(build_report(replace(facts, not_private=True, release=None))) is None


def test_what_nobody_may_rely_on_is_not_registered(facts: ReportFacts) -> None:
    audit = {**AUDIT, "recipe_sha256": facts.recipe_sha256}
    refuted = replace(facts, release=None, audit={**audit, "verdict": "VIOLATION"})
    assert registry_yaml(build_report(refuted)) is None
    assert registry_yaml(build_report(replace(refuted, audit=audit))) is not None


def test_what_leaves_is_not_known_before_it_does(facts: ReportFacts) -> None:
    text = registry_yaml(build_report(replace(facts, release=None)))
    assert text is not None
    assert b"data_product_type (known once something is exported)" in text
    assert "data_product_type" not in yaml.safe_load(text)["deployment"]["basic"]


def test_weights_are_registered_as_a_model(facts: ReportFacts) -> None:
    record = record_of(replace(facts, release={"count": 0, "formats": ["monai-bundle"], "classes": {}}), **SAID)
    assert record["deployment"]["basic"]["data_product_type"] == "Machine learning model"
    assert problems(record) == []
