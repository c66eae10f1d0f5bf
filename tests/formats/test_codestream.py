"""Compressed frames say their own size, and it must be the header's."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom.uid import JPEG2000, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from medsyngen.formats.codestream import FrameSize, check_frame
from medsyngen.formats.refusal import ScanRefused


def compressed(shape, kind):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros(shape, np.uint8)).save(buffer, kind)
    return buffer.getvalue()


@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 3]), st.sampled_from(["JPEG", "JPEG2000"]))
def test_sizes_are_found(rows, columns, samples, kind):
    data = compressed((rows, columns) if samples == 1 else (rows, columns, 3), kind)
    syntax = JPEGBaseline8Bit if kind == "JPEG" else JPEG2000
    check_frame(syntax, data, FrameSize(rows, columns, samples))
    for other in (
        FrameSize(rows + 1, columns, samples),
        FrameSize(rows, columns + 1, samples),
        FrameSize(rows, columns, 2),
    ):
        with pytest.raises(ScanRefused, match="another size"):
            check_frame(syntax, data, other)


def test_jpeg_ls():
    jpeg_ls = pytest.importorskip("jpeg_ls", reason="the extra `codecs` is not installed")
    data = bytes(jpeg_ls.encode_array(np.zeros((7, 9), np.uint16)))
    check_frame(JPEGLSLossless, data, FrameSize(7, 9, 1))
    with pytest.raises(ScanRefused):
        check_frame(JPEGLSLossless, data, FrameSize(9, 7, 1))


@given(st.binary(max_size=200), st.sampled_from([JPEG2000, JPEGBaseline8Bit, JPEGLSLossless]))
def test_anything_else_has_no_size(data, syntax):
    with pytest.raises(ScanRefused):
        check_frame(syntax, b"\xff" + data, FrameSize(8, 8, 1))
    check_frame(RLELossless, data, FrameSize(8, 8, 1))


def test_a_wrapped_codestream_that_leads_nowhere():
    wrapped = b"\x00\x00\x00\x0cjP  \r\n\x87\n" + b"\x00\x00\x00\x00jp2c"
    with pytest.raises(ScanRefused):
        check_frame(JPEG2000, wrapped, FrameSize(8, 8, 1))
