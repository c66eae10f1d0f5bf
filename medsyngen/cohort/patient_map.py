"""Whose scan it is, where the headers don't say it or say it wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from medsyngen.cohort.tables import posix_path, read_rows
from medsyngen.errors import InputUnusable
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey

_DO = "give it the columns `path,patient_id` (one row a scan) or `patient_id,mapped_to` (one row an ID to replace)"


@dataclass(frozen=True)
class PatientMap:
    """The hospital's own word on who is who.

    With ``path`` every scan must be named: a scan left to its header could put one person under two keys. With
    ``mapped_to`` an ID that isn't named stays as it is: all scans under it stay together either way. Spaces
    around an ID don't count in a map, because its cells have none: the row ``ab,ab`` joins `` ab`` and ``ab``.

    Args:
        by_path: Path relative to SCANS, or ``file.npz#12``, to patient ID; None without the column ``path``.
        by_id: Patient ID of the header to the ID that replaces it; None without the column ``mapped_to``.
    """

    by_path: Mapping[str, str] | None = field(default=None, repr=False)
    by_id: Mapping[str, str] | None = field(default=None, repr=False)

    @classmethod
    def read(cls, path: Path) -> PatientMap:
        """Reads a patient map.

        Raises:
            InputUnusable: If its columns are others, a cell is blank, or one scan or ID is given two patients.
        """
        rows = read_rows(path, "patient map")
        columns = set(rows[0]) if rows else set()
        if {"path", "patient_id"} <= columns and "mapped_to" not in columns:
            return cls(by_path=_mapping([(posix_path(row["path"]), row["patient_id"]) for row in rows]))
        if {"patient_id", "mapped_to"} <= columns and "path" not in columns:
            return cls(by_id=_mapping([(row["patient_id"], row["mapped_to"]) for row in rows]))
        raise InputUnusable("the patient map has no rows or other columns than expected", do=_DO)

    def identify(self, locator: str, patient_id: str) -> PatientKey:
        """Returns the patient of a scan.

        Args:
            locator: Path relative to SCANS, or ``file.npz#12``.
            patient_id: What the file itself says; may be blank.

        Raises:
            ScanRefused: ``not-in-map`` or ``no-patient-id``.
        """
        if self.by_path is not None:
            if locator not in self.by_path:
                raise ScanRefused("not-in-map")
            return patient_key(self.by_path[locator])
        by_id = self.by_id or {}
        return patient_key(by_id.get(patient_id, by_id.get(patient_id.strip(), patient_id)))

    def identifiers(self) -> list[str]:
        """Returns every patient ID and path of the map."""
        both = [*(self.by_path or {}).items(), *(self.by_id or {}).items()]
        return [text for pair in both for text in pair]


def patient_key(patient_id: str) -> PatientKey:
    """Returns the key of a patient ID as it stands in the file.

    The issuer (0010,0021) is left out on purpose: where only some of a person's files carry it, it would put that
    person under two keys. Two people under one key lose detail, but never protection.

    Raises:
        ScanRefused: ``no-patient-id`` if nothing of it shows, or it is no valid text.
    """
    if is_blank(patient_id):
        raise ScanRefused("no-patient-id")
    try:
        patient_id.encode()
    except UnicodeEncodeError:  # half a surrogate pair: it would fail later, when the key of a random stream is made
        raise ScanRefused("no-patient-id", "not valid text") from None
    return PatientKey(patient_id)


def is_blank(patient_id: str) -> bool:
    """Returns whether nothing of an ID shows: it is empty, or all spaces, control and zero-width characters."""
    return not any(character.isprintable() and not character.isspace() for character in patient_id)


def _mapping(pairs: list[tuple[str, str]]) -> dict[str, str]:
    mapping: dict[str, str] = {}
    bad = []
    for number, (key, value) in enumerate(pairs, start=2):
        if is_blank(key) or is_blank(value) or mapping.setdefault(key, value) != value:
            bad.append(f"row {number}")
    if bad:
        raise InputUnusable("the patient map has blank cells, or two patients for one scan or ID", do=_DO, details=bad)
    return mapping
