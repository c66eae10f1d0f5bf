"""B: which patients and scans are protected, and what was done to them before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medsyngen.report.fields.entry import NO_SCAN, Entry, Facts, Section, missing, reads_scans, stated, value


def data(facts: Facts) -> Section:
    """Returns the fields of B."""
    form = facts["recipe"].get("release") or {}
    scans = facts["recipe"].get("scans") or {}
    told = reads_scans(facts)
    body_part = form.get("body_part")
    made = {
        "modality": value("Modality", "recipe", _modality(form, scans, told)),
        "body_part": value("Body part", "recipe", body_part)
        if body_part
        else missing("Body part", "recipe", "because the recipe names none"),
    }
    if not told:
        return made | {name: missing(title, "run", NO_SCAN) for name, title in _TITLES.items()}
    words = {
        "inclusion": "because the program takes whatever lies in the folder that it is given",
        "dates": "because dates of scans are not read, and their range is a statistic over patients",
        "deidentification": "because it was done before, if it was, and elsewhere",
        "faces_and_text": "because the program draws new pixels, but can't tell what it learned them from",
        "legal_basis": "because a program can't know it",
    }
    return made | {
        "patients": value(_TITLES["patients"], "recipe", _patients(facts)),
        "scans_per_patient": _cap(facts),
        "cap_reason": stated(
            facts, _TITLES["cap_reason"], "cap_reason", "because both bounds are public choices made before the run"
        ),
        **{name: stated(facts, _TITLES[name], name, because) for name, because in words.items()},
    }


_TITLES = {
    "patients": "Patients",
    "scans_per_patient": "Scans of a patient that count",
    "cap_reason": "How these bounds were chosen",
    "inclusion": "Who is in the cohort",
    "dates": "Dates of the scans",
    "deidentification": "De-identification of the inputs",
    "faces_and_text": "Faces and burned-in text",
    "legal_basis": "Legal basis and ethics approval",
}


def _modality(form: Mapping[str, Any], scans: Mapping[str, Any], told: bool) -> dict[str, Any]:
    read = {"read": list(scans["modalities"])} if told and scans.get("modalities") else {}
    return {**read, "released_as": form.get("modality") or "not said by the recipe"}


def _patients(facts: Facts) -> str:
    bound = facts["guarantee"]["patients_at_most"]
    return f"At most {bound:,} (N_max, a public number); how many there are is not released, not even noised."


def _cap(facts: Facts) -> Entry:
    title = _TITLES["scans_per_patient"]
    if facts["mechanism"] is not None:
        most = facts["mechanism"]["scans_per_patient"]
        return value(title, "recipe", f"At most {most:,} in each step of training, drawn afresh for each step.")
    return value(title, "recipe", "All of them; together they weigh no more than one patient may.")
