"""The rules of a DICOM file that depend on the recipe's release form, and on where an image stands in the cohort."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from medsyngen.release.dicom_bytes import Path
from medsyngen.release.dicom_rules import Rule, coded, common_rules, fresh, says, sequence, short
from medsyngen.release.form import ReleaseForm

CLASSES: Final = {
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "SC": "1.2.840.10008.5.1.4.1.1.7",
    "MFSC byte": "1.2.840.10008.5.1.4.1.1.7.2",
    "MFSC word": "1.2.840.10008.5.1.4.1.1.7.3",
}
_THIRD: Final = {"DX": "\\", "CT": "\\AXIAL", "MR": "\\OTHER"}
_ORIENTATION: Final = {"PA": "L\\F", "AP": "L\\F", "LL": "P\\F", "RL": "A\\F"}
_REGIONS: Final = {
    "ABDOMEN": ("818981001", "Abdomen"),
    "CHEST": ("816094009", "Chest"),
    "CSPINE": ("122494005", "Cervical spine"),
    "HEAD": ("69536005", "Head"),
    "LSPINE": ("122496007", "Lumbar spine"),
    "PELVIS": ("816092008", "Pelvis"),
    "SKULL": ("89546000", "Skull"),
    "SPINE": ("421060004", "Spine"),
    "TSPINE": ("122495006", "Thoracic spine"),
}
_VIEWS: Final = {
    "PA": ("272479007", "postero-anterior"),
    "AP": ("399348003", "antero-posterior"),
    "LL": ("399173006", "left lateral"),
    "RL": ("399198007", "right lateral"),
}
_NO_RESCALING: Final[dict[Path, Rule]] = {
    (0x00281052,): says("DS", "0"),
    (0x00281053,): says("DS", "1"),
    (0x00281054,): says("LO", "US"),
}


def _number(value: float) -> str:
    return "%.9g" % (value + 0.0)


def _pair(value: float) -> Rule:
    return says("DS", f"{_number(value)}\\{_number(value)}")


def form_rules(form: ReleaseForm, shape: Sequence[int], *, contribution: str) -> dict[Path, Rule]:
    """Returns the rules that hold for every file of a cohort.

    Args:
        form: What the images were released as.
        shape: Of each: (row, column) of a picture, (x, y, z) of a volume.
        contribution: The one Contribution Description of the cohort.
    """
    rows, columns = shape if len(shape) == 2 else (shape[1], shape[0])
    kind = form.modality
    if kind == "MFSC":
        kind += " byte" if form.bits == 8 else " word"
    centre, width = _number(2 ** (form.bits - 1)), str(2**form.bits)
    rules = {
        **common_rules(contribution),
        (0x00020002,): says("UI", CLASSES[kind]),
        (0x00080008,): says("CS", f"{form.image_type}\\PRIMARY{_THIRD.get(kind, '')}"),
        (0x00080016,): says("UI", CLASSES[kind]),
        (0x00080060,): says("CS", "OT" if "SC" in kind else kind),
        (0x0008103E,): says("LO", f"SYNTHETIC {form.series_description}".strip()),
        (0x00180015,): says("CS", form.body_part.strip()),
        (0x00280010,): short(rows),
        (0x00280011,): short(columns),
        (0x00280100,): short(8 if form.bits == 8 else 16),
        (0x00280101,): short(form.bits),
        (0x00280102,): short(form.bits - 1),
        (0x00281050,): says("DS", centre),
        (0x00281051,): says("DS", width),
    }
    more = {"CR": _radiograph, "DX": _dx, "CT": _ct, "MR": _mr, "SC": _capture, "MFSC": _multi_frame}
    return {**rules, **more[form.modality](form, shape)}


def _radiograph(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    return {} if form.pixel_spacing_mm is None else {(0x00181164,): _pair(form.pixel_spacing_mm)}


def _dx(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    value, meaning = _REGIONS[form.body_part]
    return {
        **_radiograph(form, shape),
        **_NO_RESCALING,
        **coded((0x00082218,), value, "SCT", meaning),
        (0x00080068,): says("CS", "FOR PRESENTATION"),
        (0x00181508,): says("CS", ""),
        (0x00187004,): says("CS", ""),
        (0x00200062,): says("CS", "U"),
        (0x00281040,): says("CS", "LOG"),
        (0x00281041,): Rule("SS", frozenset((struct.pack("<h", 1),))),
        (0x00400555,): Rule("SQ", frozenset((b"",))),
        (0x20500020,): says("CS", "IDENTITY"),
    }


def _slice(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    thickness = form.slice_thickness_mm or (form.slice_spacing_mm if len(shape) == 3 else None)
    rules: dict[Path, Rule] = {
        (0x00180050,): says("DS", "" if thickness is None else _number(thickness)),
        (0x00185100,): says("CS", "HFS"),
        (0x00200012,): says("IS", "1"),
        (0x00200037,): says("DS", "1\\0\\0\\0\\1\\0"),
        (0x00200052,): fresh(),
        (0x00201040,): says("LO", ""),
        (0x00280030,): _pair(form.pixel_spacing_mm or 0.0),
    }
    if len(shape) == 3:
        rules[(0x00180088,)] = says("DS", _number(form.slice_spacing_mm or 0.0))
    return rules


def _ct(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    low, high = form.window or (0, 0)
    return {
        **_slice(form, shape),
        (0x00180060,): says("DS", ""),
        (0x00281050,): says("DS", _number((low + high + 1) / 2)),
        (0x00281051,): says("DS", str(high - low + 1)),
        (0x00281052,): says("DS", str(low)),
        (0x00281053,): says("DS", "1"),
        (0x00281054,): says("LO", "HU"),
    }


def _mr(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    return {
        **_slice(form, shape),
        (0x00180020,): says("CS", "RM"),
        (0x00180021,): says("CS", "NONE"),
        (0x00180022,): says("CS", ""),
        (0x00180023,): says("CS", ""),
        (0x00180080,): says("DS", ""),
        (0x00180081,): says("DS", ""),
        (0x00180091,): says("IS", ""),
    }


def _capture(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    rules: dict[Path, Rule] = {(0x00080064,): says("CS", "SYN"), (0x00200020,): says("CS", "")}
    if form.pixel_spacing_mm is not None:
        rules[(0x00280030 if form.modality == "MFSC" else 0x00182010,)] = _pair(form.pixel_spacing_mm)
    return rules


def _multi_frame(form: ReleaseForm, shape: Sequence[int]) -> dict[Path, Rule]:
    frames = shape[2] if len(shape) == 3 else 1
    rules: dict[Path, Rule] = {
        **_capture(form, shape),
        **_NO_RESCALING,
        (0x00280008,): says("IS", str(frames)),
        (0x20500020,): says("CS", "IDENTITY"),
    }
    if frames > 1:
        pages = "\\".join(str(number) for number in range(1, frames + 1))
        rules[(0x00182001,)] = says("IS", pages)
        rules[(0x00280009,)] = Rule("AT", frozenset((struct.pack("<HH", 0x0018, 0x2001),)))
    return rules


def view_rules(form: ReleaseForm, view: str) -> dict[Path, Rule]:
    """Returns the rules that follow from the view position of a radiograph."""
    if form.modality not in ("CR", "DX"):
        return {}
    rules: dict[Path, Rule] = {(0x00185101,): says("CS", view), (0x00200020,): says("CS", _ORIENTATION.get(view, ""))}
    if form.modality == "DX":
        value, meaning = _VIEWS[view]
        rules |= coded((0x00540220,), value, "SCT", meaning)
        rules |= sequence((0x00540220, 0x00540222), {})
    return rules


def position_rules(form: ReleaseForm, shape: Sequence[int], number: int) -> dict[Path, Rule]:
    """Returns the rule of the place of slice ``number`` (from 0): the middle of the image is the origin."""
    if form.modality not in ("CT", "MR"):
        return {}
    rows, columns = shape if len(shape) == 2 else (shape[1], shape[0])
    plane = form.pixel_spacing_mm or 0.0
    height = (number - (shape[2] - 1) / 2) * (form.slice_spacing_mm or 0.0) if len(shape) == 3 else 0.0
    place = (-plane * (columns - 1) / 2, -plane * (rows - 1) / 2, height)
    return {(0x00200032,): says("DS", "\\".join(_number(mm) for mm in place))}
