"""What may stand in a DICOM file of a cohort, element by element: the gate's own list, not made by the templates.

Every element has a rule, or it may not be there. A rule names the value representation and the values allowed; nothing
else passes. Written from DICOM PS3.3 A.2, A.3, A.4, A.8 and A.26, and from what the recipe says.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from medsyngen.release.dicom_bytes import Path
from medsyngen.version import __version__

FRESH: Final = re.compile(r"2\.25\.(0|[1-9][0-9]{0,38})")
_TEXT: Final = frozenset(("CS", "LO", "SH", "LT", "ST", "PN", "DA", "TM", "DS", "IS", "UI"))
_EQUIPMENT: Final = 0x0018A001
_PURPOSE: Final = 0x0040A170
_CODE: Final = (0x00080100, 0x00080102, 0x00080104)


@dataclass(frozen=True)
class Rule:
    """What one element may say.

    Args:
        vr: Its value representation.
        allowed: Its values as text without padding, or as bytes; or a function that tells.
        required: False if it may be absent.
    """

    vr: str
    allowed: frozenset[str | bytes] | Callable[[str], bool]
    required: bool = True

    def holds(self, vr: str, value: bytes) -> bool:
        """Whether an element with this representation and value is allowed."""
        if vr != self.vr:
            return False
        if vr not in _TEXT:
            return not callable(self.allowed) and value in self.allowed
        text = _unpadded(vr, value)
        if text is None:
            return False
        return self.allowed(text) if callable(self.allowed) else text in self.allowed


def _unpadded(vr: str, value: bytes) -> str | None:
    """Returns the text of a value without its one byte of padding, None if it is no text."""
    pad = b"\x00" if vr == "UI" else b" "
    try:
        text = (value[:-1] if value.endswith(pad) else value).decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if len(text.encode()) + len(text.encode()) % 2 == len(value) else None


Rules = Mapping[Path, Rule]


def says(vr: str, *values: str, required: bool = True) -> Rule:
    """Returns the rule of an element that says one of these texts."""
    return Rule(vr, frozenset(values), required)


def fresh() -> Rule:
    """Returns the rule of an element that holds a UID of ours."""
    return Rule("UI", lambda text: FRESH.fullmatch(text) is not None)


def short(*numbers: int) -> Rule:
    """Returns the rule of an element that holds one of these unsigned 16-bit numbers."""
    return Rule("US", frozenset(struct.pack("<H", number) for number in numbers))


def sequence(path: Path, codes: Mapping[int, Rule]) -> dict[Path, Rule]:
    """Returns the rules of a sequence and of what is in its items."""
    return {path: Rule("SQ", frozenset((b"",))), **{(*path, tag): rule for tag, rule in codes.items()}}


def coded(path: Path, value: str, scheme: str, meaning: str) -> dict[Path, Rule]:
    """Returns the rules of a sequence that holds one code."""
    rules = (says("SH", value), says("SH", scheme), says("LO", meaning))
    return sequence(path, dict(zip(_CODE, rules, strict=True)))


def common_rules(contribution: str) -> dict[Path, Rule]:
    """Returns the rules that all kinds of objects share and that no image changes.

    Args:
        contribution: The one Contribution Description of the cohort.
    """
    equipment = {
        0x00080070: says("LO", "SYNTHETIC (medsyngen)"),
        0x00081090: says("LO", "medsyngen"),
        0x00181020: says("LO", __version__),
        0x0018A003: says("ST", contribution.strip(" ")),
    }
    return {
        (0x00020001,): Rule("OB", frozenset((b"\x00\x01",))),
        (0x00020003,): fresh(),
        (0x00020010,): says("UI", "1.2.840.10008.1.2.1"),
        (0x00020012,): says("UI", "2.25.142736041098357526309185746620381947263"),
        (0x00020013,): says("SH", "MEDSYNGEN"),
        (0x00080005,): says("CS", "ISO_IR 192"),
        (0x00080018,): fresh(),
        (0x0008001C,): says("CS", "YES"),
        (0x00080020,): says("DA", "20250101"),
        (0x00080030,): says("TM", "000000"),
        (0x00080050,): says("SH", ""),
        (0x00080070,): says("LO", "SYNTHETIC (medsyngen)"),
        (0x00080090,): says("PN", ""),
        (0x00081030,): says("LO", "SYNTHETIC images, not of a real patient"),
        (0x00082111,): says("ST", "Drawn by a generator; no acquired image was changed to make it."),
        (0x00100021,): says("LO", "MEDSYNGEN-SYNTHETIC"),
        (0x00100030,): says("DA", ""),
        (0x00104000,): says("LT", "Synthetic: this person does not exist."),
        (0x0020000D,): fresh(),
        (0x0020000E,): fresh(),
        (0x00280002,): short(1),
        (0x00280004,): says("CS", "MONOCHROME2"),
        (0x00280103,): short(0),
        (0x00280301,): says("CS", "NO"),
        (0x00282110,): says("CS", "00"),
        **sequence((_EQUIPMENT,), equipment),
        **coded((_EQUIPMENT, _PURPOSE), "109100", "DCM", "Synthesizing Equipment"),
    }
