"""Check: every DICOM file, read byte by byte, holds what the gate's own list allows and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from medsyngen.formats.dicom_template_parts import UNPAIRED
from medsyngen.release import contents, names
from medsyngen.release.checks import NONE_ASKED_FOR, Problem
from medsyngen.release.dicom_bytes import Element, Path, elements
from medsyngen.release.dicom_rules import Rule, says
from medsyngen.release.dicom_rules_by_form import form_rules, position_rules, view_rules
from medsyngen.release.draft import Draft
from medsyngen.release.patients import Place, place_of
from medsyngen.release.table_rows import Row, read_rows
from medsyngen.version import __version__

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_PIXEL_HEADER: Final = b"\xe0\x7f\x10\x00OW\x00\x00"
_PIXEL_DATA: Final = (0x7FE00010,)
_META_LENGTH: Final = (0x00020000,)
_FIRST: Final = (0x00080005,)
_INSTANCE: Final = ((0x00020003,), (0x00080018,))
_STUDY, _SERIES, _FRAME = (0x0020000D,), (0x0020000E,), (0x00200052,)
_SLICE: Final = re.compile(r"dicom/SYN-[0-9]{6}/([0-9]{4})\.dcm")


def pixel_start(data: bytes) -> int | None:
    """Returns where the value of Pixel Data starts, if it is the last element and reaches to the end of the file."""
    at = data.rfind(_PIXEL_HEADER)
    while at >= 0:
        start = at + len(_PIXEL_HEADER) + 4
        if start + int.from_bytes(data[start - 4 : start], "little") == len(data):
            return start
        at = data.rfind(_PIXEL_HEADER, 0, at)
    return None


class DicomCheck:
    """Reads every DICOM file again from its bytes; UIDs must be fresh, and shared just where they should be.

    Guarantee: an element, a value or a byte that the list of :mod:`medsyngen.release.dicom_rules` does not allow is a
    problem, in nested sequences and file meta information too; so is one that is missing.

    Args:
        draft: What the writer says that it wrote: form, number, shape, attributes; not the files.
    """

    name = "dicom marks"
    read = "every DICOM file, byte by byte"
    rules: tuple[str, ...] = ("G1", "G2", "G4", "G5", "G6", "G12")

    def __init__(self, draft: Draft) -> None:
        self.read = self.read if "dicom" in draft.formats else NONE_ASKED_FOR
        self._draft = draft
        said = f"medsyngen {__version__}. {draft.guarantee}".strip()
        self._rules = form_rules(draft.form, draft.shape, contribution=said) if "dicom" in draft.formats else {}
        self._rows: tuple[Row, ...] = ()
        self._uids: dict[str, object] = {}
        self._roles: dict[object, str] = {}
        self._tags: set[str] = set()
        self._shared = False

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one DICOM file, and the table that lies before them; leaves all other files."""
        if file == names.TABLE:
            self._rows = read_rows(data, len(self._draft.columns))
        if not file.endswith(names.SUFFIXES["dicom"]):
            return
        number = names.image_number(file)
        for reason in dict.fromkeys(self._reasons(file, data, number or 0)):
            yield Problem(f"picture {number}: {reason}", _DO)

    def _reasons(self, file: str, data: bytes, number: int) -> Iterator[str]:
        if not 1 <= number <= len(self._rows):
            yield "the table has no row for it"
            return
        if data[:128] != bytes(128):
            yield "its preamble is not empty"
        found: dict[Path, Element] = {}
        for element in elements(data):
            found[element.path] = element
        of_slice = _SLICE.fullmatch(file)
        rules = {**self._rules, **self._image_rules(number, int(of_slice[1]) if of_slice else 1)}
        yield from _allowed(found, rules)
        yield from self._container(data, found)
        yield from self._identity(found, file, number)

    def _image_rules(self, number: int, instance: int) -> dict[Path, Rule]:
        """What differs from image to image, by its row of the table and by its number."""
        row, place, draft = self._rows[number - 1], place_of(number, self._draft.form), self._draft
        pairs = list(zip(draft.attributes, row.values, strict=False))
        codes = {attribute.dicom: attribute.code(value) for attribute, value in pairs if attribute.dicom}
        rules = {
            (0x00100010,): says("PN", f"SYNTHETIC^{row.patient}"),
            (0x00100020,): says("LO", row.patient),
            (0x00100040,): says("CS", codes.get("PatientSex", "")),
            (0x00200010,): says("SH", str(place.study)),
            (0x00200011,): says("IS", str(place.series)),
            (0x00200013,): says("IS", str(instance)),
            (0x00204000,): says("LT", f"synthetic class: {self._words(row)}".strip(" ")),
            **view_rules(draft.form, codes.get("ViewPosition") or draft.form.view_position),
            **position_rules(draft.form, draft.shape, instance - 1),
        }
        if codes.get("Laterality") or draft.form.body_part not in UNPAIRED:
            rules[(0x00200060,)] = says("CS", codes.get("Laterality", ""))
        return rules

    def _words(self, row: Row) -> str:
        only = "" if self._draft.scans_read or not any(row.values) else " (a name only)"
        if not self._draft.attributes:
            return f"{row.values[0] or 'none'}{only}"
        names_ = (attribute.name for attribute in self._draft.attributes)
        return "; ".join(f"{n} = {v or 'none'}" for n, v in zip(names_, row.values, strict=True)) + only

    def _container(self, data: bytes, found: Mapping[Path, Element]) -> Iterator[str]:
        length, first = found.get(_META_LENGTH), found.get(_FIRST)
        if length is None or first is None or length.vr != "UL":
            yield "it has no file meta information"
        elif length.start + 4 + int.from_bytes(length.value, "little") != first.start - 8:
            yield "its file meta information has another length than it says"
        shape, bits = self._draft.shape, self._draft.form.bits
        frames = shape[2] if len(shape) == 3 and not contents.is_series(self._draft.form, shape) else 1
        count = shape[0] * shape[1] * frames
        pixels = found.get(_PIXEL_DATA)
        size = count if bits == 8 else 2 * count
        if pixels is None or pixels.vr != "OW" or len(pixels.value) != size + size % 2 or pixel_start(data) is None:
            yield "its pixels have another length than rows × columns, or bytes follow them"
            return
        levels = np.frombuffer(pixels.value, dtype=np.uint8 if bits == 8 else "<u2")
        if any(levels[count:]) or (bits not in (8, 16) and levels.max() >= 2**bits):
            yield "its pixels have bits beyond those that are stored"

    def _identity(self, found: Mapping[Path, Element], file: str, number: int) -> Iterator[str]:
        row, place = self._rows[number - 1], place_of(number, self._draft.form)
        patient = names.PATIENT_ID.fullmatch(row.patient)
        if patient is None or int(patient[2]) != place.patient:
            yield "its Patient ID is not made by the counters"
        else:
            self._tags.add(patient[1])
        uid = {path: element.value for path, element in found.items() if element.vr == "UI"}
        if uid.get(_INSTANCE[0]) != uid.get(_INSTANCE[1]):
            yield "its file meta information names another object"
        for path, role in _roles(file, number, place).items():
            if path in uid:
                self._note(uid[path].rstrip(b"\x00").decode("ascii", "replace"), role)

    def _note(self, uid: str, role: object) -> None:
        if self._uids.setdefault(uid, role) != role or self._roles.setdefault(role, uid) != uid:
            self._shared = True

    def finish(self) -> Iterator[Problem]:
        """Holds the files against each other."""
        if self._shared:
            yield Problem("two DICOM files share a UID that they should not, or differ in one that they should", _DO)
        if len(self._tags) > 1:
            yield Problem("DICOM files name patients of different cohorts", _DO)


def _roles(file: str, number: int, place: Place) -> dict[Path, object]:
    return {
        _INSTANCE[1]: ("instance", file),
        _STUDY: ("study", place.patient, place.study),
        _SERIES: ("series", number),
        _FRAME: ("frame of reference", number),
    }


def _allowed(found: Mapping[Path, Element], rules: Mapping[Path, Rule]) -> Iterator[str]:
    for path, element in found.items():
        if path in (_META_LENGTH, _PIXEL_DATA):
            continue
        rule = rules.get(path)
        if rule is None:
            yield f"it holds an element that no file of this kind may hold ({_tag(path)})"
        elif not rule.holds(element.vr, element.value):
            yield f"an element says something that it may not ({_tag(path)})"
    for path, rule in rules.items():
        if rule.required and path not in found:
            yield f"an element is missing ({_tag(path)})"


def _tag(path: Path) -> str:
    """Returns the tag that a file may or may not hold; one of a private or unknown group is not repeated."""
    known = all(tag >> 16 < 0x60 and not (tag >> 16) % 2 for tag in path)
    return " in ".join(f"{tag >> 16:04X},{tag & 0xFFFF:04X}" for tag in reversed(path)) if known else "not named"
