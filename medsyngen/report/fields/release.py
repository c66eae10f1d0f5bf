"""A: what is released, by whom, for what."""

from __future__ import annotations

from typing import Any

from medsyngen.report.fields.entry import Facts, Section, either, missing, reads_scans, stated, value

PROHIBITED = (
    "No attempt to find out whether a person was in the private cohort, or anything about such a person; no linking "
    "with other data to that end; no diagnosis, treatment or other care of a person from these images."
)


def release(facts: Facts) -> Section:
    """Returns the fields of A."""
    recipe, out = facts["recipe"], facts["release"]
    described = bool(recipe.get("description"))
    return {
        "name": value("Name", "recipe", recipe["name"]),
        "curator": stated(facts, "Who publishes it", "curator", "because the program does not know who runs it"),
        "description": either(
            described, "Description", "recipe", recipe.get("description"), "because the recipe has no description"
        ),
        "intended_use": stated(
            facts, "Intended use", "intended_use", "because what it is good for depends on who asks and for what"
        ),
        "product_type": value("Type", "software", _type(out)),
        "region": stated(
            facts, "Region and law", "region", "because whose law applies depends on where patients and curator are"
        ),
        "sector": value("Sector", "software", "Healthcare"),
        "date": stated(
            facts, "Date of publication", "date", "because the report holds no time that a machine measured"
        ),
        "identity": value("What is reviewed", "software", _identity(facts)),
        "hash_of_cohort": missing(
            "Hash of the cohort",
            "software",
            "because the report is written before the first image is drawn; manifest.json beside it holds the SHA-256 "
            "of every file, this report among them"
            if out
            else "because nothing was released yet",
        ),
        "contents": either(bool(out), "Contents", "run", out, "because nothing was released yet"),
        "contact": stated(facts, "Contact", "contact", "because the program does not know who answers for it"),
        "authors": stated(
            facts, "Authors of the statements", "authors", "because the program wrote the rest and nobody else is known"
        ),
        "prohibited_uses": value(
            "Prohibited uses", "software", [PROHIBITED, *filter(None, [facts["statements"].get("prohibited_uses")])]
        ),
    }


def _type(out: Any) -> str:
    if out and "monai-bundle" in out["formats"]:
        return "Machine learning model: a generator of images of patients who do not exist"
    return "Synthetic data: images of patients who do not exist"


def _identity(facts: Facts) -> dict[str, str]:
    found = {"recipe_sha256": facts["recipe_sha256"], "medsyngen": facts["versions"].get("medsyngen", "")}
    if reads_scans(facts):
        found |= {"run": facts["ledger"]["run"], "ledger_head": facts["ledger"]["head"]}
    return found
