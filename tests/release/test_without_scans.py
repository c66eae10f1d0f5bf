"""The gate and a run that read no scan: nothing may have been spent, and there is no identifier to look for."""

from __future__ import annotations

import json

import pytest

from medsyngen.release.export import publish
from medsyngen.release.form import ReleaseForm
from medsyngen.release.readme import cohort_readme

NOTHING = {"epsilon": 0.0, "delta": 0.0, "scans_read": False, "identifiers": frozenset()}


def test_it_passes_and_the_manifest_says_why_nothing_was_spent(cohort):
    release = cohort.review(**NOTHING)
    out = publish(release, cohort.destination, ledger_head=(-1, ""), recipe_hash="ab" * 32)
    manifest = json.loads((out / "manifest.json").read_bytes())
    assert manifest["guarantee"] == {"epsilon": 0.0, "delta": 0.0, "unit": "patient", "scans_read": False}
    assert manifest["ledger_head"] == {"line": -1, "hash": ""}
    read = {entry["check"]: entry["read"] for entry in manifest["gate"]}
    assert read["budget"] == "recipe and generator: no private scan was read"
    assert not any("ledger" in words for words in read.values())


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"epsilon": 1e-9}, "budget"),
        ({"delta": 1e-9}, "budget"),
        ({"epsilon": float("nan")}, "budget"),
        ({"seeded": True}, "noise"),
        ({"not_private": True}, "noise"),
        ({"identifiers": frozenset({"PAT-77-XQ"})}, "source identifiers"),
        ({"identifiers": None}, "source identifiers"),
    ],
)
def test_whatever_was_spent_or_read_contradicts_it(cohort, change, check):
    assert check in cohort.refusal(**(NOTHING | change)).what


@pytest.mark.parametrize("odd", [None, 0, ""])
def test_only_the_plain_word_true_means_that_scans_were_read(cohort, odd):
    """With anything else the stricter rule holds: nothing may have been spent."""
    assert "budget" in cohort.refusal(scans_read=odd).what


def test_a_missing_list_still_refuses_where_scans_were_read(cohort):
    assert "source identifiers" in cohort.refusal(identifiers=None).what


def test_the_readme_says_that_classes_are_names_only_there_and_nowhere_else():
    texts = [
        cohort_readme(ReleaseForm(), ("png",), guarantee="x", report_files=(), scans_read=read)
        for read in (True, False)
    ]
    assert ["names only" in text for text in texts] == [False, True]
    assert ["intensity window" in text for text in texts] == [True, False]
    assert ["phantoms' black" in text for text in texts] == [False, True]
