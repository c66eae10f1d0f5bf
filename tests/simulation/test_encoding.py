"""The small encoder of the simulated hospital against pydicom, which reads every value back."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.simulation.encoding import dicom_file, encode, encode_all

META = {
    "MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.1",
    "MediaStorageSOPInstanceUID": "2.25.1",
    "TransferSyntaxUID": "1.2.840.10008.1.2.1",
}
text = st.text("ABCxyz ^-0189", min_size=1, max_size=40).map(str.strip).filter(bool)


@given(text, text, st.integers(0, 65535), st.binary(min_size=2, max_size=300))
def test_pydicom_reads_back_what_was_encoded(name: str, comment: str, rows: int, pixels: bytes) -> None:
    values = {"PixelData": pixels, "PatientName": name, "Rows": rows, "ImageComments": comment, "ImageType": "A\\B"}
    data = pydicom.dcmread(BytesIO(dicom_file(encode_all(META), encode_all(values))))
    assert str(data.PatientName) == name
    assert data.ImageComments == comment
    assert data.Rows == rows
    assert list(data.ImageType) == ["A", "B"]
    assert data.PixelData == pixels + b"\0" * (len(pixels) % 2)
    assert [element.tag for element in data] == sorted(element.tag for element in data)
    assert data.file_meta.TransferSyntaxUID == META["TransferSyntaxUID"]
    assert len(encode("PatientName", name)[1]) % 2 == 0


def test_refuses_unknown_keywords_and_values_that_do_not_fit() -> None:
    with pytest.raises(KeyError):
        encode("NoSuchThing", "x")
    with pytest.raises(ValueError, match="ImageComments"):
        encode("ImageComments", "x" * 65535)
