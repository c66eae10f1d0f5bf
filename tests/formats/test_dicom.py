import contextlib
import logging
import re
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import (
    JPEG2000MC,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from medsyngen.formats import dicom_checks
from medsyngen.formats.dicom import parse_header, read_dataset, read_header
from medsyngen.formats.dicom_pixels import read_pixels
from medsyngen.formats.guarding import quiet_pydicom
from medsyngen.formats.refusal import ScanRefused

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8)
FRAGMENT = pydicom.encaps.encapsulate([b"x" * 64])
COLOURED = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}


def reason(path):
    """Why both ways of reading refuse the file; they must agree."""
    with pytest.raises(ScanRefused) as by_header:
        read_header(path)
    with pytest.raises(ScanRefused) as by_pixels:
        read_pixels(path)
    assert by_header.value.reason == by_pixels.value.reason
    assert by_header.value.exit_code == 3
    return by_header.value.reason


def test_header_says_what_was_written(tmp_path, make_dicom):
    path = make_dicom(
        tmp_path / "a",
        RAMP.astype(np.int16),
        bits=10,
        PatientID="AB 12  ",
        IssuerOfPatientID="HOSP",
        PhotometricInterpretation="MONOCHROME1",
        ImagerPixelSpacing=["0.2", "0.3"],
    )
    header = read_header(path)
    assert (header.patient_id, header.issuer, header.modality) == ("AB 12", "HOSP", "CR")
    assert (header.rows, header.columns, header.bits_stored, header.bits_allocated) == (8, 8, 10, 16)
    assert header.signed
    assert header.inverted
    assert header.spacing_mm == (0.2, 0.3)
    assert "AB 12" not in repr(header)
    assert header.instance not in repr(header)


def test_leading_spaces_of_an_id_are_kept(tmp_path, make_dicom):
    assert read_header(make_dicom(tmp_path / "a", RAMP, PatientID=" 12")).patient_id == " 12"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({**COLOURED, "PixelData": bytes(190)}, "truncated"),
        ({**COLOURED, "SamplesPerPixel": 4, "PhotometricInterpretation": "CMYK"}, "coloured"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.66.4"}, "derived"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "MOSAIC"]}, "mosaic"),
        ({"BitsAllocated": 12}, "bit-depth"),
        ({"NumberOfFrames": 20001, "PixelData": bytes(256)}, "too-large"),
        ({"PhotometricInterpretation": "HSV"}, "coloured"),
        ({"PhotometricInterpretation": "YBR_FULL"}, "coloured"),
        ({"PixelData": bytes(126)}, "truncated"),
        ({"Rows": None}, "not-an-image"),
        ({"Rows": 0}, "not-an-image"),
        ({"Rows": 20000}, "too-large"),
        ({"HighBit": 15}, "bit-depth"),
        ({"BitsStored": 17, "HighBit": 16}, "bit-depth"),
        ({"BitsAllocated": 32, "PixelData": bytes(256)}, "bit-depth"),
        ({"syntax": JPEG2000Lossless, "PixelData": FRAGMENT, "Rows": 16000, "Columns": 16000}, "too-large"),
    ],
)
def test_header_refuses(tmp_path, make_dicom, values, expected):
    assert reason(make_dicom(tmp_path / "a.dcm", RAMP, **values)) == expected


@pytest.mark.parametrize(
    ("syntax", "expected", "advice"),
    [
        (JPEGLSLossless, "codec", "medsyngen.codecs"),
        (JPEG2000Lossless, "codec", "medsyngen.codecs"),
        (JPEGLosslessSV1, "transfer-syntax", "gdcmconv"),
        (JPEG2000MC, "transfer-syntax", "gdcmconv"),
    ],
)
def test_a_codec_that_is_not_there_is_named(tmp_path, make_dicom, monkeypatch, syntax, expected, advice):
    class Decoder:
        available_plugins = ()

    monkeypatch.setattr(dicom_checks, "get_decoder", lambda _: Decoder)
    path = make_dicom(tmp_path / "a", RAMP, syntax=syntax, PixelData=FRAGMENT)
    assert reason(path) == expected
    with pytest.raises(ScanRefused, match=re.escape(syntax.name)) as refused:
        read_header(path)
    assert re.search(advice, refused.value.do)


def test_what_the_standard_no_longer_knows_is_refused(tmp_path, make_dicom):
    assert reason(make_dicom(tmp_path / "a", RAMP, syntax="1.2.840.10008.1.2.4.52", PixelData=FRAGMENT)) == (
        "transfer-syntax"
    )
    twelve = make_dicom(tmp_path / "c", RAMP, syntax="1.2.840.10008.1.2.4.51", PixelData=FRAGMENT)
    assert reason(twelve) == "transfer-syntax"


def test_no_pixels_text_and_absent_files(tmp_path, make_dicom):
    assert reason(make_dicom(tmp_path / "sr", None)) == "not-an-image"
    text = tmp_path / "notes.dcm"
    text.write_text("not an image " * 40)
    assert reason(text) == "not-dicom"
    assert reason(tmp_path / "absent") == "not-dicom"
    whole = make_dicom(tmp_path / "a", RAMP).read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(whole[:-40])
    assert reason(cut) == "truncated"
    cut.write_bytes(whole[:300])
    assert reason(cut) in ("unreadable", "not-an-image")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"RescaleSlope": "0", "RescaleIntercept": "0"}, "rescale"),
        ({"RescaleSlope": "1e300", "RescaleIntercept": "0"}, "rescale"),
        ({"syntax": RLELossless}, None),
    ],
)
def test_pixels_refuse(tmp_path, make_dicom, values, expected):
    path = make_dicom(tmp_path / "a", RAMP, **values)
    if expected is None:
        data = path.read_bytes()
        segments = b"\x02\x00\x00\x00\x40\x00\x00\x00"
        assert segments in data
        path.write_bytes(data.replace(segments, b"\x0f" + segments[1:]))
        expected = "undecodable"
    with pytest.raises(ScanRefused) as refused:
        read_pixels(path)
    assert refused.value.reason == expected


pixels = st.integers(8, 16).flatmap(
    lambda bits: st.tuples(
        st.just(bits),
        st.booleans(),
        st.tuples(st.integers(1, 7), st.integers(1, 7)),
        st.integers(0, 2**32 - 1),
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    case=pixels,
    syntax=st.sampled_from([ExplicitVRLittleEndian, "1.2.840.10008.1.2", "1.2.840.10008.1.2.2", RLELossless]),
    rescale=st.none() | st.tuples(st.sampled_from([0.5, 1.0, 2.0, -1.0]), st.integers(-2000, 2000)),
    inverted=st.booleans(),
)
def test_modality_values_come_back(tmp_path, make_dicom, case, syntax, rescale, inverted):
    bits, signed, shape, seed = case
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    kind = f"{'int' if signed else 'uint'}{8 if bits == 8 else 16}"
    stored = np.random.default_rng(seed).integers(low, high, shape, endpoint=True).astype(kind)
    values = {"PhotometricInterpretation": "MONOCHROME1" if inverted else "MONOCHROME2"}
    slope, intercept = rescale or (1.0, 0.0)
    if rescale:
        values |= {"RescaleSlope": str(slope), "RescaleIntercept": str(intercept)}
    image = read_pixels(make_dicom(tmp_path / "a", stored, bits=bits, syntax=syntax, **values))
    expected = stored.astype(np.float64) * slope + intercept
    ends = sorted([low * slope + intercept, high * slope + intercept])
    if inverted:
        expected = sum(ends) - expected
    assert image.pixels.dtype == np.float32
    assert image.value_range == tuple(ends)
    np.testing.assert_array_equal(image.pixels, expected.astype(np.float32))
    assert image.pixels.min() >= ends[0]
    assert image.pixels.max() <= ends[1]


def test_black_of_monochrome1_is_black_of_monochrome2(tmp_path, make_dicom):
    straight = read_pixels(make_dicom(tmp_path / "a", RAMP, bits=12))
    turned = read_pixels(make_dicom(tmp_path / "b", 4095 - RAMP, bits=12, PhotometricInterpretation="MONOCHROME1"))
    np.testing.assert_array_equal(straight.pixels, turned.pixels)


@pytest.mark.parametrize("signed", [False, True])
def test_bits_above_bits_stored_are_not_part_of_the_image(tmp_path, make_dicom, signed):
    kind = np.int16 if signed else np.uint16
    stored = (RAMP.astype(np.int32) - (32 if signed else 0)).astype(kind)
    with_overlay = ((stored.astype(np.int32) & 0x0FFF) | 0x5000).astype(np.uint16).view(kind)
    image = read_pixels(make_dicom(tmp_path / "a", with_overlay, bits=12))
    np.testing.assert_array_equal(image.pixels, stored.astype(np.float32))


def test_modality_lut_goes_before_rescale(tmp_path, make_dicom):
    lut = pydicom.Dataset()
    lut.LUTDescriptor = [64, 0, 16]
    lut["LUTDescriptor"].VR = "US"
    lut.add_new("LUTData", "US", [1000 - 3 * i for i in range(64)])
    lut.ModalityLUTType = "US"
    image = read_pixels(make_dicom(tmp_path / "a", RAMP, ModalityLUTSequence=[lut]))
    np.testing.assert_array_equal(image.pixels, 1000.0 - 3.0 * RAMP)
    assert image.value_range == (0.0, 65535.0)


@pytest.mark.realdata
def test_native_pixels_agree_with_pydicom(real_data):
    for path in sorted((real_data / "dicom_ct_tcga_luad_dev").glob("*.dcm"))[:6]:
        dataset = pydicom.dcmread(path)
        expected = pydicom.pixels.apply_rescale(dataset.pixel_array, dataset)
        np.testing.assert_allclose(read_pixels(path).pixels, expected, rtol=1e-6)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    syntax=st.sampled_from([ExplicitVRLittleEndian, "1.2.840.10008.1.2", RLELossless]),
    edits=st.lists(st.tuples(st.integers(128, 900), st.integers(0, 255)), min_size=1, max_size=8),
    cut=st.integers(0, 300),
)
def test_a_broken_file_ends_as_a_refusal(tmp_path, make_dicom, syntax, edits, cut):
    path = make_dicom(tmp_path / "a", RAMP, syntax=syntax)
    data = bytearray(path.read_bytes())
    for position, byte in edits:
        data[position % len(data)] = byte
    path.write_bytes(data[: len(data) - cut])
    for read in (read_header, read_pixels):
        with contextlib.suppress(ScanRefused):
            read(path)


def test_pydicom_s_own_words_are_held_back(tmp_path, make_dicom, caplog, capfd):
    path = make_dicom(tmp_path / "a", RAMP)
    data = path.read_bytes()
    # a letter in a UID is invalid: pydicom warns and quotes the value
    path.write_bytes(data.replace(b"CS\x02\x00CR", b"UI\x02\x00C~"))
    logger = logging.getLogger("pydicom.pixels")
    before = logging.getLogger("pydicom").propagate
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        dataset, remaining = read_dataset(path)
        assert parse_header(dataset, remaining).modality == "C~"
        with quiet_pydicom():
            logger.error("Quintessa")
    assert not caught
    assert not caplog.records
    assert "Quintessa" not in capfd.readouterr().err
    assert logging.getLogger("pydicom").propagate == before


@pytest.mark.realdata
def test_every_odd_file_is_read_or_refused(real_data):
    reasons = {}
    files = [path for path in (real_data / "dicom_odd_dev").rglob("*") if path.is_file()]
    for path in files:
        try:
            assert np.isfinite(read_pixels(path).pixels).all()
        except ScanRefused as refused:
            reasons[path.name] = refused.reason
    assert len(reasons) < len(files)
    assert reasons["pydicom-data__emri_small.dcm"] == "multi-frame"
    assert reasons["fo-dicom__GH1146.dcm"] == "not-an-image"
    assert reasons["pydicom-data__liver.dcm"] == "derived"
    assert Path("manifest.csv").name in reasons
