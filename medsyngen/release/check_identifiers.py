"""Check: no identifier of the source stands in any written byte, file name or folder name."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from medsyngen.cohort.conditions import Attribute
from medsyngen.release import names
from medsyngen.release.checks import Problem
from medsyngen.release.draft import column_names, write_draft
from medsyngen.release.form import ReleaseForm
from medsyngen.release.identifier_scan import IdentifierScan
from medsyngen.release.plain_text import readable
from medsyngen.synthesis.synthesizer import Draws

LONG: Final = 16
"""Identifiers of at least so many characters (UIDs above all) are searched for in picture data too."""
_DO = (
    "treat this as an incident: export nothing of this run, keep the run folder, tell your data protection officer, "
    "and report the bug without the data"
)
_MISSING = "the list of source identifiers is missing, so nothing can be searched for"
_NO_SOURCE: Final = "no scan is said to have been read, but there are source identifiers"
_OUR_COUNTER: Final = re.compile(rb"(?:syn-(?:[g-z]{6}-)?)?([0-9]{6})")
_BEFORE_COUNTER: Final = re.compile(rb"syn-(?:[g-z]{6}-)?$")


@cache
def template_vocabulary(
    form: ReleaseForm,
    formats: tuple[str, ...],
    attributes: tuple[Attribute, ...] = (),
    *,
    volumes: bool = False,
    labels: int = 0,
) -> tuple[bytes, ...]:
    """Returns everything readable that a cohort of this form holds for no other reason than its form.

    It is computed: a cohort of one blank picture, or volume, is written, by the same code as any other, and read.
    """
    columns = {name: ("",) for name in column_names(attributes)}
    blank = Draws.of(
        np.zeros((1, 1 + bool(labels), *[2] * (3 if volumes else 2)), dtype=np.float32),
        columns,
        declared=bool(attributes),
    )
    with tempfile.TemporaryDirectory(prefix="medsyngen-") as folder:
        place = Path(folder)
        draft = write_draft(
            blank,
            form,
            formats=formats,
            guarantee="",
            report_files={},
            folder=place,
            attributes=attributes,
            labels=labels,
        )
        files = [(draft.folder / file).read_bytes() for file in draft.files]
    return tuple(part.data for data in files for part in readable(data) if not part.picture)


class IdentifierCheck:
    """Searches names and bytes. A hit can only come from a bug, and is an incident.

    Guarantee: what this check writes down doesn't depend on the identifiers, neither on how many there are nor on
    which of them are words of our own templates; a message never repeats one.

    Args:
        identifiers: Every source identifier, or None if the list can't be read; private. It may be empty: the
            record numbers of a data set may all be too short to be searched for.
        public: Texts that are known without the scans: the recipe, the templates of the report, the vocabulary.
            An identifier that is one of their words (a description such as "CHEST AP") is not searched for.
        count: Number of pictures; our own counters up to it are not mistaken for record numbers.
        source: False if no scan was read: then there may be no identifier.
    """

    name = "source identifiers"
    rules: tuple[str, ...] = ("G3", "G4", "G8")

    def __init__(
        self, identifiers: frozenset[str] | None, *, public: Iterable[bytes], count: int, source: bool = True
    ) -> None:
        self._missing = identifiers is None
        self._contradicted = bool(identifiers) and not source
        self.read = "every byte and every name of every file" if source else "no scan was read: there are none to find"
        self._count = count
        everything = IdentifierScan(identifiers or ())
        ours = {found for text in public for found in everything.find(text, excuse=self._our_counter)}
        kept = (identifiers or frozenset()) - ours
        self._short = IdentifierScan(kept)
        self._long = IdentifierScan(kept, shortest=LONG)

    def _our_counter(self, text: bytes, start: int, end: int) -> bool:
        word = _OUR_COUNTER.fullmatch(text, start, end)
        if word is None or not 1 <= int(word[1]) <= self._count:
            return False
        return word[0].startswith(b"syn-") or bool(_BEFORE_COUNTER.search(text[max(start - 11, 0) : start]))

    def _found(self, data: bytes) -> bool:
        for part in readable(data):
            scan = self._long if part.picture else self._short
            if any(True for _ in scan.find(part.data, excuse=self._our_counter)):
                return True
        return False

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Searches one file, and its path."""
        number = names.image_number(file)
        where = f"picture {number}" if number else "a file that is not a picture"
        if self._found(file.encode("utf-8", "surrogateescape")):
            yield Problem("a file or folder is named after a source identifier", _DO, incident=True)
        if self._found(data):
            yield Problem(f"{where} holds a source identifier", _DO, incident=True)

    def finish(self) -> Sequence[Problem]:
        """Refuses if there was nothing to search for."""
        do = "fit again, or restore the run's private folder: it holds the list"
        if self._contradicted:
            return [Problem(_NO_SOURCE, "use a run folder of its own for a recipe that reads no scan, and fit again")]
        return [Problem(_MISSING, do)] if self._missing else []
