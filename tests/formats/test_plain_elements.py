"""What is found of an ordinary header without pydicom is what pydicom finds; all else is left to it."""

import io

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence

from medsyngen.cohort.header_texts import header_identifiers
from medsyngen.formats import dicom_elements
from medsyngen.formats.dicom_elements import read_elements
from medsyngen.formats.guarding import BROKEN, quiet_pydicom
from medsyngen.formats.plain_elements import PIXELS, NotPlain, items_of, plain_elements

EXPLICIT, IMPLICIT, BIG = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.2"
TEXT_ELEMENTS = (("PatientName", "PN"), ("StudyDescription", "LO"), ("StudyTime", "TM"), ("ImageComments", "LT"))
TIMES = st.sampled_from(["", "1015", "101500.25", "101500.25\\1016"])
TEXTS = st.text("Aa0 .^\\", max_size=12)
WORDS = st.one_of(TEXTS, st.text("Müß Ω語", max_size=6))


@st.composite
def datasets(draw, depth=0):
    data = Dataset()
    if draw(st.booleans()):
        data.SpecificCharacterSet = draw(st.sampled_from(["ISO_IR 100", "ISO_IR 192", ["", "ISO 2022 IR 87"]]))
    for keyword, vr in TEXT_ELEMENTS:
        if draw(st.booleans()):
            text = draw(TIMES if vr == "TM" else WORDS if "SpecificCharacterSet" in data else TEXTS)
            with quiet_pydicom():
                data.add_new(keyword, vr, text)
    if draw(st.booleans()):
        data.Rows, data.PixelSpacing, data.RedPaletteColorLookupTableData = 3, ["0.5", "0.7"], bytes(4)
    if draw(st.booleans()):
        block = data.private_block(0x0099, "Vendor Block", create=True)
        block.add_new(1, "LO", draw(TEXTS))
        block.add_new(2, "UN", draw(st.binary(max_size=9)))
    if depth < 2:
        for keyword in draw(st.sets(st.sampled_from(["ReferencedImageSequence", "OtherPatientIDsSequence"]))):
            items = Sequence(draw(st.lists(datasets(depth + 1), max_size=2)))
            for item in items:
                item.is_undefined_length_sequence_item = draw(st.booleans())
            data.add_new(keyword, "SQ", items)
            data[keyword].is_undefined_length = draw(st.booleans())
    return data


def written(data: Dataset, syntax: str) -> bytes:
    data.PixelData = bytes(8)
    data["PixelData"].VR = "OW"
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = syntax
    data.file_meta.MediaStorageSOPClassUID, data.file_meta.MediaStorageSOPInstanceUID = "1.2.3", "1.2.3.4"
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def found(content: bytes):
    elements, remaining = read_elements(io.BytesIO(content))
    with quiet_pydicom():
        return str(elements.dataset), str(elements.dataset.file_meta), remaining, header_identifiers(elements)


def by_pydicom(content: bytes, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(dicom_elements, "_quickly", lambda *_: None)
        return found(content)


@settings(max_examples=40, deadline=None)
@given(datasets(), st.sampled_from([EXPLICIT, EXPLICIT, IMPLICIT, BIG]))
def test_generated_headers_are_those_of_pydicom(data, syntax):
    with quiet_pydicom():
        content = written(data, syntax)
        slow = pydicom.dcmread(io.BytesIO(content), stop_before_pixels=True)
        text, meta, remaining, texts = found(content)
        assert (text, meta, remaining) == (str(slow), str(slow.file_meta), 8)
        assert texts == header_identifiers(slow)


@settings(max_examples=40, deadline=None)
@given(datasets(), st.sampled_from([EXPLICIT, IMPLICIT]), st.data())
def test_broken_headers_end_as_with_pydicom_alone(data, syntax, damage):
    with quiet_pydicom(), pytest.MonkeyPatch.context() as patch:
        content = bytearray(written(data, syntax))
        for _ in range(damage.draw(st.integers(1, 3))):
            at = damage.draw(st.integers(132, len(content) - 1))
            content[at] = damage.draw(st.sampled_from([0, 1, 0x41, 0xFE, 0xFF, content[at] ^ 1]))
        content = bytes(content[: damage.draw(st.integers(len(content) // 2, len(content)))])
        assert outcome(content) == by_pydicom_outcome(content, patch)


def outcome(content):
    try:
        return found(content)
    except BROKEN:
        return "broken"
    except Exception as refused:  # a refusal: its reason counts
        return getattr(refused, "reason", refused)


def by_pydicom_outcome(content, patch):
    with patch.context() as inner:
        inner.setattr(dicom_elements, "_quickly", lambda *_: None)
        return outcome(content)


def test_ordinary_headers_are_not_left_to_pydicom(monkeypatch):
    data = Dataset()
    data.PatientName, data.Rows = "A^B", 3
    data.ReferencedImageSequence = [Dataset(), Dataset()]
    data.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.3"
    data["ReferencedImageSequence"].is_undefined_length = True
    monkeypatch.setattr(dicom_elements, "_by_pydicom", None)
    for syntax in (EXPLICIT, IMPLICIT):
        assert "1.2.3" in found(written(data, syntax))[3]


def test_what_is_out_of_the_ordinary_is_left_to_pydicom():
    name = b"\x10\x00\x10\x00PN\x04\x00A^B "
    pixels = b"\xe0\x7f\x10\x00OW\0\0\x02\0\0\0\0\0"

    def read(content, end=None):
        return plain_elements(content, 0, len(content) if end is None else end, implicit=False, until=PIXELS)

    assert [raw.value for raw in read(name + pixels)[0].values()] == [b"A^B "]
    assert read(name + pixels)[1] == len(name)
    unusual = (
        name.replace(b"PN", b"ZZ"),  # an unknown VR
        name.replace(b"\x04\x00A", b"\x40\x00A"),  # longer than the file
        name[:6],
        b"\x10\x00\x10\x00\x04\0\0\0A^B ",  # implicit where explicit was announced
        b"\x99\x00\x10\x10UN\0\0\xff\xff\xff\xff" + b"\xfe\xff\xdd\xe0\0\0\0\0",  # unknown, of undefined length
        b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\x0c\0\0\0" + name,  # a sequence without end
    )
    for content in unusual:
        with pytest.raises(NotPlain):
            read(content)
    with pytest.raises(NotPlain):
        items_of(b"\xfe\xff\x00\xe0\x04\0\0\0" + name, implicit=False)  # an element beyond its item
    deep = name
    for _ in range(40):
        deep = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" + deep
        deep += b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    with pytest.raises(NotPlain):
        read(deep)
