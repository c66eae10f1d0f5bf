"""The report as a record for the OpenDP registry of differential-privacy deployments, in the form of its schema.

Source: ``schemas/deployments-schema.yaml`` of opendp/deployments-registry-data, as of September 2026 (sections
basic, dp_variant, privacy_loss, deployment_model, implementation, administrative). What only a person can say and
nobody said is left out, never made up: the registry's own test then names it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from medsyngen.privacy.budget import round_up

Report = Mapping[str, Any]
_WIDTH: Final = 100
_WHERE_AND_WHEN: Final = ("data_product_region", "publication_date")
_REQUIRED: Final = {
    "deployment.basic": ("name", "data_curators", "description", "intended_use", "data_product_type", *_WHERE_AND_WHEN),
    "deployment.administrative": ("status", "registry_authors", "tier"),
}
_STATED_IN: Final = {
    "data_curators": "recipe: report.curator and report.curator_type",
    "description": "recipe: description",
    "intended_use": "recipe: report.intended_use",
    "data_product_type": "known once something is exported",
    "data_product_region": "recipe: report.region",
    "publication_date": "recipe: report.date",
    "registry_authors": "recipe: report.authors",
}
"""Field -> where it is said."""


def registry_record(report: Report) -> dict[str, Any] | None:
    """Returns the record; None where there is no guarantee that one could register.

    Args:
        report: As built, with its fields.
    """
    if report["guarantee"]["epsilon"] is None or (report["audit"] or {}).get("verdict") == "VIOLATION":
        return None
    name = report["recipe"]["name"]
    return {
        "url_slug": "-".join(re.findall("[a-z0-9]+", f"{name} {report['statements'].get('curator', '')}".lower())),
        "deployment": {
            "basic": _basic(report),
            "dp_variant": {
                "variant_name": "Approximate DP" if report["guarantee"]["delta"] else "Pure DP",
                "data_domain": _text(report, "B", "modality", "patients", "inclusion", "dates"),
                "unprotected_quantities": _text(report, "C", "unprotected"),
            },
            "privacy_loss": _privacy_loss(report),
            "deployment_model": _model(report),
            "implementation": _without_empty(
                preprocessing_and_hyperparameter_tuning=_text(report, "F", *report["fields"]["F"]["entries"]),
                mechanisms=_mechanisms(report),
                composition=_text(report, "D", "composition", "ledger", "other_runs"),
                post_processing=_text(report, "L", "steps"),
                justification=_text(report, "M", "why"),
                utility=_text(report, "K", "measured"),
            ),
            "administrative": _without_empty(
                status="Draft", registry_authors=report["statements"].get("authors"), tier=3
            ),
        },
    }


def to_fill(record: Mapping[str, Any]) -> list[str]:
    """Returns which required fields of the registry's schema a person still has to fill, and where the recipe can."""
    deployment = record["deployment"]
    return [
        f"{section}.{field} ({_STATED_IN[field]})"
        for section, fields in _REQUIRED.items()
        for field in fields
        if field not in deployment[section.removeprefix("deployment.")]
    ]


def registry_yaml(report: Report) -> bytes | None:
    """Returns the record as YAML, with what is still to be filled in a comment at its head; None as above."""
    import yaml

    class Dumper(yaml.SafeDumper):
        """Writes text of several lines as such."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    record = registry_record(report)
    if record is None:
        return None
    head = "# A record for the OpenDP registry of differential-privacy deployments, made by medsyngen.\n"
    head += "# Read it as a whole before you send it: it is public. Status and tier are proposals.\n"
    head += "".join(f"# To be filled by a person: {field}\n" for field in to_fill(record))
    return (head + yaml.dump(record, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)).encode()


def _basic(report: Report) -> dict[str, Any]:
    said, out = report["statements"], report["release"]
    curators = None
    if said.get("curator") and said.get("curator_type"):
        curators = [{"data_curator_name": said["curator"], "data_curator_type": said["curator_type"]}]
    product = None
    if out is not None:
        product = "Machine learning model" if "monai-bundle" in out["formats"] else "Synthetic data"
    return _without_empty(
        name=report["recipe"]["name"],
        data_curators=curators,
        description=report["recipe"].get("description"),
        intended_use=said.get("intended_use"),
        data_product_type=product,
        data_product_region=said.get("region"),
        data_product_sector="Healthcare",
        publication_date=said.get("date"),
    )


def _privacy_loss(report: Report) -> dict[str, Any]:
    told = report["guarantee"]
    return {
        "privacy_unit": "Patient",
        "privacy_unit_details": _text(report, "C", "privacy_unit", "neighbours"),
        "privacy_parameters": {"epsilon": round_up(told["epsilon"], 4), "delta": round_up(told["delta"], 4)},
        "privacy_parameters_details": _text(report, "C", "variant", "guess", "found", "gaussian"),
    }


def _model(report: Report) -> dict[str, Any]:
    return {
        "model_name": "Central",
        "trust_assumptions": _text(report, "H", "model", "actors", "inside", "attacker"),
        "release_type": "One release",
        "release_type_details": _text(report, "H", "release_type", "further_releases"),
        "data_source_type": "Static",
        "access_type": "Non-interactive",
    }


def _mechanisms(report: Report) -> str:
    details = "\n".join(f"- {each['term']}: {each['text']}" for each in report["sentences"]["details"])
    told = _text(report, "G", "version", "code", "commit", "randomness", "precision", "known_limits", "access")
    return "\n".join(part for part in (details, told) if part)


def _text(report: Report, letter: str, *names: str) -> str:
    """Returns fields that are filled as lines of Markdown; those that are not are left out."""
    entries = report["fields"][letter]["entries"]
    return "\n".join(f"- {entries[n]['title']}: {_words(entries[n]['value'])}" for n in names if "value" in entries[n])


def _words(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value["text"]) if "text" in value else "; ".join(f"{k}: {_words(v)}" for k, v in value.items())
    if isinstance(value, list):
        return "; ".join(_words(each) for each in value)
    return str(value)


def _without_empty(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}
