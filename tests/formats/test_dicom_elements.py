"""The fast reading of headers says what pydicom says, of every file at hand, and refuses the same."""

import io
import warnings
from itertools import filterfalse
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.multival import MultiValue

from medsyngen.cohort.header_texts import header_identifiers
from medsyngen.formats import dicom_elements
from medsyngen.formats.dicom import parse_header
from medsyngen.formats.dicom_elements import HeaderElements, read_elements
from medsyngen.formats.guarding import BROKEN
from medsyngen.formats.refusal import ScanRefused

PIXELS = np.zeros((4, 4), np.uint16)
FOLDERS = ["dicom_odd_dev", "dicom_multivendor_dev", "dicom_mr_pgbm_dev", "dicom_ct_tcga_luad_dev"]
ASKED = [
    "Rows",
    "PatientID",
    "SOPInstanceUID",
    "ImageType",
    "PixelSpacing",
    "RescaleSlope",
    "NumberOfFrames",
    "StudyDate",
]


def quickly(path: Path):
    with path.open("rb") as file:
        return read_elements(file)


def slowly(path: Path):
    """The oracle: pydicom alone, which converts and checks every value that is asked for."""
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(file, stop_before_pixels=True)
        except BROKEN:
            raise ScanRefused("unreadable") from None
        here, size = file.tell(), path.stat().st_size
        if "TransferSyntaxUID" not in dataset.file_meta:
            raise ScanRefused("transfer-syntax")
        return dataset, max(0, size - here - (8 if dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2" else 12))


def outcome(read, path):
    """What the header says and which texts it holds, or why it is refused."""
    try:
        dataset, remaining = read(path)
    except ScanRefused:
        return "refused"
    texts = header_identifiers(dataset)
    try:
        return parse_header(dataset, remaining), remaining, texts
    except ScanRefused as refused:
        return refused.reason, refused.detail, remaining, texts


def is_deflated(path: Path) -> bool:
    return b"1.2.840.10008.1.2.1.99" in path.read_bytes()[:1000]  # pydicom reads it from memory: no position to compare


@pytest.mark.realdata
@pytest.mark.parametrize("folder", FOLDERS)
def test_real_headers_are_read_alike(real_data, folder):
    files = [path for path in sorted((real_data / folder).rglob("*")) if path.is_file()]
    assert len(files) > 20
    for path in files[:: 1 + len(files) // 150]:
        if is_deflated(path):
            continue
        assert outcome(quickly, path) == outcome(slowly, path), path.suffix


def test_the_files_that_pydicom_comes_with_are_read_alike():
    files = sorted((Path(pydicom.__file__).parent / "data" / "test_files").glob("*.dcm"))
    assert len(files) > 50
    for path in filterfalse(is_deflated, files):
        assert outcome(quickly, path) == outcome(slowly, path), path.name


@given(
    st.lists(st.decimals(-99999, 99999, places=3), min_size=1, max_size=4),
    st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=3),
    st.lists(st.text("ABC_ 1", max_size=9), min_size=1, max_size=4),
    st.integers(0, 2**16 - 1),
    st.booleans(),
)
def test_values_are_those_of_pydicom(decimals, integers, words, short, implicit):
    data = pydicom.Dataset()
    data.PixelSpacing, data.InstanceNumber, data.ImageType, data.Rows = list(map(str, decimals)), integers, words, short
    data.PatientID, data.SOPInstanceUID = words[0], "1.2.3"
    file = io.BytesIO()
    meta = pydicom.dataset.FileMetaDataset()
    meta.TransferSyntaxUID = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1"
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = "1.2.840.10008.5.1.4.1.1.1", "1.2.3"
    data.file_meta = meta
    data.save_as(file, enforce_file_format=True)
    file.seek(0)
    quick, _ = read_elements(file)
    slow = pydicom.dcmread(io.BytesIO(file.getvalue()))
    assert isinstance(quick, HeaderElements)
    for keyword in ASKED:
        assert (keyword in quick) == (keyword in slow)
        told, expected = quick.get(keyword, "none"), slow.get(keyword, "none")
        assert told == expected, keyword
        assert isinstance(told, MultiValue) == isinstance(expected, MultiValue)


def test_a_header_that_never_ends_is_refused(tmp_path, make_dicom, monkeypatch):
    path = make_dicom(tmp_path / "a", PIXELS, PatientComments="x" * 5000)
    monkeypatch.setattr(dicom_elements, "MOST_BYTES", 4000)
    with pytest.raises(ScanRefused, match="larger"):
        quickly(path)
    monkeypatch.setattr(dicom_elements, "MOST_BYTES", 10_000)
    quickly(path)
    monkeypatch.setattr(dicom_elements, "_MOST_ELEMENTS", 5)
    with pytest.raises(ScanRefused, match="larger"):
        quickly(path)
