"""M to P: why this ε, who signs, what is there for machines, and how the files say what they are."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files as resources
from typing import Any

from medsyngen.report.fields.entry import Entry, Facts, Section, charged, missing, stated, value
from medsyngen.report.numbers import epsilon_text

NEUTRAL = (
    "Published deployments, for comparison only. Units, neighbours, data and releases differ, so the numbers can't be "
    "held against each other one to one; that others chose a number does not make it right here."
)


@cache
def deployments() -> tuple[dict[str, Any], ...]:
    """Returns the published deployments, as they ship with this version."""
    text = resources("medsyngen.report").joinpath("deployments.json").read_text(encoding="utf-8")
    return tuple(json.loads(text)["deployments"])


def justification(facts: Facts) -> Section:
    """Returns the fields of M."""
    return {
        "why": stated(
            facts,
            "Why this ε",
            "justification",
            "because whether a risk is acceptable for a use is not for a program to say",
        ),
        "note": value("How to read the list", "software", NEUTRAL),
        "deployments": value("Published deployments", "software", [dict(each) for each in deployments()]),
    }


def signing(facts: Facts) -> Section:
    """Returns the fields of N: who decides is never the program."""
    signs = "because it is a person's decision; the page has room for it, below what it is about"

    def open_(title: str) -> Entry:
        return {"title": title, "from": "hospital", "to_fill": f"by the hospital, {signs}"}

    return {
        "summary": value("In plain language", "software", _summary(facts)),
        "data_protection_officer": open_("Data-protection officer"),
        "expert": open_("Statistical or privacy expert"),
        "decision": open_("Decision, in words"),
        "signed_on": open_("Signed on"),
        "review_date": stated(facts, "To be looked at again on", "review_date", signs),
    }


def _summary(facts: Facts) -> str:
    guarantee = facts["guarantee"]
    if guarantee["epsilon"] is None:
        return "No patient is promised anything: this is for tests inside, and not for release."
    if not charged(facts):
        return "No private scan stands behind these images: ε = 0."
    return (
        f"ε = {epsilon_text(guarantee['epsilon'])} for each patient, whatever was released of this run; the report's "
        "first page says what that means and what it does not."
    )


def machine_copy(facts: Facts) -> Section:
    """Returns the fields of O."""
    return {
        "schema": value("Schema", "software", f"urn:medsyngen:report:{facts['schema_version']}"),
        "registry": value(
            "For the OpenDP deployments registry",
            "software",
            "`medsyngen report RUN` writes registry.yaml beside report.json, in the form of the registry's schema; a "
            "person fills what only a person can say.",
        ),
        "chain": value(
            "Chain of hashes",
            "ledger",
            "Each line of the ledger holds the SHA-256 of the one before; the manifest of a release holds that of "
            "every file, and the page that of this JSON.",
        ),
    }


_MARKS = {
    "dicom": "Synthetic Data (0008,001C) = YES; patient name, study and series description begin with SYNTHETIC; the "
    "guarantee with ε, δ and unit in Contributing Equipment (0018,A001); new UIDs",
    "nifti": "`descrip` says synthetic",
    "bids": "`SyntheticData: true` in every sidecar, the group `synthetic` in participants.tsv",
    "png": "text `Synthetic` = YES; XMP Digital Source Type trainedAlgorithmicMedia",
    "npz": "the README beside it; the array itself has no room for words",
    "monai-bundle": "metadata.json and the README say it of the generator",
}


def files(facts: Facts) -> Section:
    """Returns the fields of P."""
    out = facts["release"]
    formats = out["formats"] if out else []
    nothing = "because nothing was released yet"
    absent = "because no file of this kind is in the release"
    made = {
        name: value(f"Marks in {name}", "software", _MARKS[name])
        if name in formats
        else missing(f"Marks in {name}", "software", absent if out else nothing)
        for name in _MARKS
    }
    return made | {
        "identity_removed": missing(
            "Patient Identity Removed (0012,0062)",
            "software",
            "because no header was de-identified: every one is written new, and no person stands behind it",
        )
    }
