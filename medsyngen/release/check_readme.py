"""Check: README.md is the text that recipe and privacy sentence make, to the letter."""

from __future__ import annotations

from collections.abc import Iterator

from medsyngen.release import names
from medsyngen.release.checks import Problem
from medsyngen.release.draft import Draft
from medsyngen.release.readme import cohort_readme

_DO = "export again; if it comes back, report it as a bug in medsyngen"


class ReadmeCheck:
    """Makes the README once more from public facts and compares.

    Args:
        draft: What the writer says that it wrote; the names of the report's files come from it.
    """

    name = "readme"
    read = names.README
    rules: tuple[str, ...] = ("G2",)

    def __init__(self, draft: Draft) -> None:
        beside = [file for file in draft.files if names.REPORT_FILE.fullmatch(file) and file not in names.OURS]
        self._text = cohort_readme(
            draft.form,
            draft.formats,
            guarantee=draft.guarantee,
            report_files=sorted(beside),
            attributes=draft.attributes,
            classes=draft.classes,
            scans_read=draft.scans_read,
            volumes=len(draft.shape) == 3,
            labels=draft.labels,
        ).encode()

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads README.md; leaves all other files."""
        if file == names.README and data != self._text:
            yield Problem(f"{names.README} says something else than the recipe and the privacy sentence", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add: a README that is missing is found by the walk over the folder."""
        return ()
