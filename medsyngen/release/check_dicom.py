"""Check: every DICOM file, read back, says that it is synthetic and holds nothing but what the templates hold."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Final

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from medsyngen.cohort.conditions import Attribute
from medsyngen.formats.dicom_templates import (
    IMPLEMENTATION_UID,
    SYNTHETIC_DATE,
    SYNTHETIC_TIME,
    TEMPLATES,
    ImageFacts,
    SyntheticIdentity,
)
from medsyngen.release import names
from medsyngen.release.checks import Problem
from medsyngen.release.form import ReleaseForm

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_PIXEL_DATA: Final = 0x7FE00010
_PIXEL_HEADER: Final = b"\xe0\x7f\x10\x00OW\x00\x00"
_META: Final = frozenset((0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013))
# A fresh UID (PS3.5 B.2) or one that the standard itself assigns.
_UID: Final = re.compile(r"2\.25\.(0|[1-9][0-9]{0,38})|1\.2\.840\.10008\.[0-9.]+")
_MOMENTS: Final = {"DA": {"", SYNTHETIC_DATE}, "TM": {"", SYNTHETIC_TIME}, "DT": {""}}


@cache
def template_tags(laterality: bool = False) -> frozenset[int]:
    """Returns every tag, nested ones too, that a template can write; Laterality only where the recipe declares it."""
    facts = ImageFacts("CHEST", "PA", 1.0, 12, "", "", "", laterality="R" if laterality else "")
    objects = [build(SyntheticIdentity.fresh("SYN-0"), facts, (1, 1)) for build in TEMPLATES.values()]
    return frozenset(int(element.tag) for ds in objects for element in ds.iterall()) | {_PIXEL_DATA}


def pixel_start(data: bytes) -> int | None:
    """Returns where the value of Pixel Data starts, if it is the last element and reaches to the end of the file."""
    at = data.rfind(_PIXEL_HEADER)
    while at >= 0:
        start = at + len(_PIXEL_HEADER) + 4
        if start + int.from_bytes(data[start - 4 : start], "little") == len(data):
            return start
        at = data.rfind(_PIXEL_HEADER, 0, at)
    return None


def _container(data: bytes, ds: Dataset) -> Iterator[str]:
    if data[:128] != bytes(128):
        yield "its preamble is not empty"
    if ds.file_meta.TransferSyntaxUID != ExplicitVRLittleEndian:
        yield "its transfer syntax is not the one that is written"
    if {int(element.tag) for element in ds.file_meta} != _META:
        yield "its file meta information has other elements than the template's"
    if ds.file_meta.ImplementationClassUID != IMPLEMENTATION_UID:
        yield "it was written by another program"
    start = pixel_start(data)
    words = ds.Rows * ds.Columns * (ds.BitsAllocated // 8)
    if start is None or len(data) - start != words + words % 2:
        yield "its pixels have another length than rows × columns, or bytes follow them"


def _elements(ds: Dataset, tags: frozenset[int]) -> Iterator[str]:
    for element in ds.iterall():
        if element.tag.is_private or int(element.tag) not in tags:
            yield "it holds an element that no template writes"
        values = element.value if element.VM > 1 else [element.value]
        if element.VR == "UI" and not all(_UID.fullmatch(str(value)) for value in values):
            yield "it holds a UID that is neither fresh (2.25) nor the standard's"
        if element.VR in _MOMENTS and not {str(value or "") for value in values} <= _MOMENTS[element.VR]:
            yield "it holds a date or time other than the constant one"


def _marks(ds: Dataset) -> Iterator[str]:
    if ds.get("SyntheticData") != "YES":
        yield "Synthetic Data (0008,001C) is not YES"
    if not str(ds.get("StudyDescription", "")).startswith("SYNTHETIC"):
        yield "its study is not marked SYNTHETIC"
    if ds.get("BurnedInAnnotation") != "NO" or "DERIVED" not in ds.get("ImageType", ()):
        yield "it is not marked as derived and free of burned-in text"
    codes = [item.PurposeOfReferenceCodeSequence[0].CodeValue for item in ds.get("ContributingEquipmentSequence", ())]
    if codes != ["109100"]:
        yield "the synthesizing equipment (109100, DCM) is not named"


def _codes(ds: Dataset, form: ReleaseForm, allowed: Mapping[str, frozenset[str]]) -> Iterator[str]:
    """What may vary from picture to picture is a code of the recipe's, or what a file without conditions says."""
    view = form.view_position if form.modality == "CR" else ""
    for keyword, plain in (("PatientSex", ""), ("Laterality", ""), ("ViewPosition", view)):
        if str(ds.get(keyword) or "") not in {plain, *allowed.get(keyword, ())}:
            yield f"its {keyword} is not one that the recipe declares"


class DicomCheck:
    """Reads every DICOM file again from its bytes; UIDs must be fresh and no two the same.

    Args:
        form: What the pictures are released as.
        attributes: Those that the recipe declares: only their codes may stand in their DICOM attributes.
    """

    name = "dicom marks"
    read = "every DICOM file, read back from its bytes"
    rules: tuple[str, ...] = ("G1", "G2", "G4", "G5", "G6", "G12")

    def __init__(self, form: ReleaseForm, attributes: Sequence[Attribute] = ()) -> None:
        self._form = form
        self._allowed = {each.dicom: frozenset(each.labels) for each in attributes if each.dicom}
        self._uids: list[str] = []
        self._tags: set[str] = set()

    def _identity(self, file: str, ds: Dataset) -> Iterator[str]:
        found = names.PATIENT_ID.fullmatch(str(ds.PatientID))
        if found is None or int(found[2]) != names.image_number(file):
            yield "its Patient ID is not made by the counters"
        else:
            self._tags.add(found[1])
        if str(ds.PatientName) != f"SYNTHETIC^{ds.PatientID}":
            yield "its Patient's Name is not that of a synthetic patient"
        if ds.file_meta.MediaStorageSOPInstanceUID != ds.SOPInstanceUID:
            yield "its file meta information names another object"
        self._uids += [ds.SOPInstanceUID, ds.SeriesInstanceUID, ds.StudyInstanceUID]

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one DICOM file; leaves all other files."""
        if not file.endswith(names.SUFFIXES["dicom"]):
            return
        ds = pydicom.dcmread(io.BytesIO(data))
        tags = template_tags(laterality="Laterality" in self._allowed)
        found = [*_container(data, ds), *_elements(ds, tags), *_marks(ds), *self._identity(file, ds)]
        found += _codes(ds, self._form, self._allowed)
        for reason in dict.fromkeys(found):
            yield Problem(f"picture {names.image_number(file)}: {reason}", _DO)

    def finish(self) -> Iterator[Problem]:
        """Holds the files against each other."""
        if len(set(self._uids)) != len(self._uids):
            yield Problem("two DICOM files share a UID", _DO)
        if len(self._tags) > 1:
            yield Problem("DICOM files name patients of different cohorts", _DO)
