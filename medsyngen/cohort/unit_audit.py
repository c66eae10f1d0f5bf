"""The audit of the privacy unit: is one patient ID one person? Told inside, as counts; nothing is ever acted on.

Merging or removing across patients would let one patient's record decide what becomes of another's: that is left to
the hospital's own word (:class:`medsyngen.cohort.patient_map.PatientMap`).
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from medsyngen.cohort.owners import Owners
from medsyngen.cohort.pictures import picture_digest
from medsyngen.cohort.scan_index import IndexedScan, ScanIndex, check_privacy_unit
from medsyngen.errors import InputUnusable
from medsyngen.scan import PatientKey, Pixels

MANY_SCANS = 50
"""More scans than this under one patient ID suggest that it isn't one patient."""
_JOIN = "if one person stands under several IDs, join them with --patient-map"
_SPLIT = "if several persons stand under one ID, split it with --patient-map"


@dataclass(frozen=True)
class Finding:
    """Something about the privacy unit that the data team should know.

    Args:
        severity: ``blocks`` if `fit` will refuse the scans, else ``told``.
        what: What was found, with counts and without values.
        do: What to do about it.
    """

    severity: str
    what: str
    do: str

    def line(self) -> str:
        """Returns the finding as one line."""
        return f"{self.what}: {self.do}"


class SharedPictures:
    """Pictures by the patients they stand under. Holds one digest a picture, never pixels.

    Two pictures are the same if their decoded pixels are equal, all of them: before window and size of a recipe, which
    can make different pictures alike.
    """

    def __init__(self) -> None:
        self._owners = Owners()

    def add(self, pixels: Pixels, patient: PatientKey) -> None:
        """Notes that a picture stands under a patient.

        Args:
            pixels: float32, finite, in modality values: a picture or a volume.
            patient: After the patient map.
        """
        self.add_digest(picture_digest(pixels), patient)

    def add_digest(self, digest: bytes, patient: PatientKey) -> None:
        """Notes the same by the picture's :func:`medsyngen.cohort.pictures.picture_digest`."""
        self._owners.add(digest, patient)

    @property
    def count(self) -> int:
        """Different pictures that stand under more than one patient."""
        return self._owners.shared


def audit_unit(index: ScanIndex, pictures: SharedPictures) -> tuple[Finding, ...]:
    """Looks for signs that a patient ID is not one person.

    Args:
        index: The scans whose pixels could be read, and every refusal.
        pictures: The same scans' pixels.

    Returns:
        What blocks `fit` first (the rule is :func:`medsyngen.cohort.scan_index.check_privacy_unit`), then what is told.
    """
    return (*_blocks(index), *_told(index, pictures))


def alike(patient_ids: Iterable[str]) -> int:
    """Counts groups of IDs that differ only in how they are written.

    That is: in case, spaces, punctuation, leading zeros of a number, Unicode form (composed or not, wide digits) or
    characters that don't show.

    Args:
        patient_ids: Any texts; equal ones count once.

    Returns:
        Groups of at least two different texts.
    """
    groups = Counter(_plain(text) for text in set(patient_ids))
    return sum(count > 1 for count in groups.values())


def _plain(text: str) -> str:
    # Case folding can undo the composed form, so it is followed by another normalisation (Unicode 3.13, D146).
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return re.sub(r"(?<!\d)0+(?=\d)", "", "".join(filter(str.isalnum, folded)))


def _blocks(index: ScanIndex) -> Iterator[Finding]:
    try:
        check_privacy_unit(index)
    except InputUnusable as refused:
        yield Finding("blocks", refused.what, refused.do)


def _told(index: ScanIndex, pictures: SharedPictures) -> Iterator[Finding]:
    per_patient = Counter(scan.patient.patient_id for scan in index.scans)
    blank = sum(refusal.scans for refusal in index.refusals if refusal.reason == "no-patient-id")
    if blank:
        yield Finding("told", f"{blank} scans have no patient ID; they are left out", "say whose with --patient-map")
    many = sum(count > MANY_SCANS for count in per_patient.values())
    doubts = (
        (
            alike(per_patient),
            "groups of patient IDs differ only by case, spaces, punctuation, leading zeros or Unicode form",
            _JOIN,
        ),
        (
            _issuers(index.scans),
            "patient IDs come from several issuers, or with and without one, and count as one patient",
            _SPLIT,
        ),
        (many, f"patients have more than {MANY_SCANS} scans", _SPLIT),
        (pictures.count, "pictures stand, pixel for pixel, under more than one patient ID", _JOIN),
        (index.shared_instances, "SOP Instance UIDs stand under more than one patient ID", _JOIN),
    )
    for count, what, do in doubts:
        if count:
            yield Finding("told", f"{count} {what}; nothing was merged or removed", do)


def _issuers(scans: Sequence[IndexedScan]) -> int:
    issuers: dict[str, set[str]] = {}
    for scan in scans:
        issuers.setdefault(scan.patient.patient_id, set()).add(scan.issuer)
    return sum(len(found) > 1 for found in issuers.values())
