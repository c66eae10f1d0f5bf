"""What only the hospital can say about a release: words for its privacy report, checked for form, never for truth."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, fields
from typing import Final

from medsyngen.errors import UsageError

LONGEST: Final = 2000
_DATES: Final = ("date", "review_date")


@dataclass(frozen=True)
class Statements:
    """Public words of the hospital; each may be empty, and then the report says that it is still to be filled.

    They are printed in the report and leave with it: nothing in them may identify a patient.

    Args:
        curator: Who publishes the cohort.
        curator_type: One of Government, Industry, Nonprofit (the words of the OpenDP deployments registry).
        authors: Who wrote this report's statements, by name or office.
        contact: Where questions go.
        intended_use: What the cohort is for.
        prohibited_uses: What receivers must not do, besides what the report prohibits anyway.
        region: Which region the patients come from, and whose law applies.
        date: Of publication, YYYY-MM-DD.
        legal_basis: Of processing the scans, and the ethics approval.
        inclusion: Which patients are in the private cohort, and which are not.
        dates: From when the scans are, as far as that is public.
        cap_reason: How patients_at_most and scans per patient were chosen.
        deidentification: What was done to the scans before they were read.
        faces_and_text: How faces and burned-in text were handled.
        overlap: Whether patients of the cohort may be in the sets that public networks were trained on.
        settings: How settings were chosen, and who saw private scans or results before.
        normalisation: How windows and spacings in the recipe were chosen.
        access: Who can reach raw scans, run folder and checkpoints.
        container: Name and digest of the container image, or how the machine was set up.
        actors: Who is trusted with what.
        attacker: What an attacker is assumed to know.
        further_releases: What else of these patients was or will be released.
        justification: Why this ε is acceptable for this use.
        review_date: When the decision is looked at again, YYYY-MM-DD.

    Raises:
        UsageError: A text is too long or has line breaks beyond plain ones, or a date is no date.
    """

    curator: str = ""
    curator_type: str = ""
    authors: tuple[str, ...] = ()
    contact: str = ""
    intended_use: str = ""
    prohibited_uses: str = ""
    region: str = ""
    date: str = ""
    legal_basis: str = ""
    inclusion: str = ""
    dates: str = ""
    cap_reason: str = ""
    deidentification: str = ""
    faces_and_text: str = ""
    overlap: str = ""
    settings: str = ""
    normalisation: str = ""
    access: str = ""
    container: str = ""
    actors: str = ""
    attacker: str = ""
    further_releases: str = ""
    justification: str = ""
    review_date: str = ""

    def __post_init__(self) -> None:
        wrong = [f"report.{name}: {rule}" for name, rule in self._broken()]
        if wrong:
            raise UsageError("the statements for the report can't be used", do="correct these fields", details=wrong)

    def _broken(self) -> list[tuple[str, str]]:
        texts = [(name, text) for name, value in asdict(self).items() for text in _texts(value)]
        found = [(name, f"at most {LONGEST} characters") for name, text in texts if len(text) > LONGEST]
        found += [(name, "plain text, no control characters") for name, text in texts if not _plain(text)]
        found += [(name, "a date as YYYY-MM-DD") for name in _DATES if not _date(getattr(self, name))]
        if self.curator_type not in ("", "Government", "Industry", "Nonprofit"):
            found.append(("curator_type", "Government, Industry or Nonprofit"))
        return found

    def given(self) -> dict[str, str | list[str]]:
        """Returns what was said, by field; nothing that was left empty."""
        told = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in told.items() if value}


def _texts(value: str | tuple[str, ...]) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value


def _plain(text: str) -> bool:
    return all(char.isprintable() or char == "\n" for char in text)


def _date(text: str) -> bool:
    try:
        return not text or datetime.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
