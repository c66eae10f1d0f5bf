from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from medsyngen.formats.png import XMP, read_png, write_png

IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


@settings(max_examples=40, deadline=None)
@given(bits=st.sampled_from([8, 16]), shape=st.tuples(st.integers(1, 9), st.integers(1, 9)), seed=st.integers(0, 2**32))
def test_round_trip_within_half_a_level(tmp_path_factory, bits, shape, seed):
    path = tmp_path_factory.mktemp("png") / "a.png"
    pixels = np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)
    write_png(path, pixels, bits=bits)
    back = read_png(path)
    assert back.shape == shape
    assert np.abs(back - pixels).max() <= 1.0 / (2**bits - 1) + 1e-6
    again = path.with_name("b.png")
    write_png(again, back[None], bits=bits)
    assert again.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(("bits", "mode", "top"), [(8, "L", 255), (16, "I;16", 65535)])
def test_ends_and_mark(tmp_path, bits, mode, top):
    path = tmp_path / "a.png"
    write_png(path, np.array([[-1.0, 1.0, -7.0, 7.0]], np.float32), bits=bits)
    with Image.open(path) as image:
        assert image.mode == mode
        assert image.text == {"Synthetic": "YES", "XML:com.adobe.xmp": XMP}
        (source,) = ElementTree.fromstring(image.text["XML:com.adobe.xmp"]).iter(f"{{{IPTC}}}DigitalSourceType")
        assert source.text.endswith("/digitalsourcetype/trainedAlgorithmicMedia")
        assert np.asarray(image).tolist() == [[0, top, 0, top]]


@pytest.mark.parametrize("bad", [np.zeros((3, 4, 4), np.float32), np.full((2, 2), np.nan, np.float32)])
def test_what_is_no_grey_image_is_refused(tmp_path, bad):
    with pytest.raises(ValueError, match="one grey image"):
        write_png(tmp_path / "a.png", bad)
    assert not list(tmp_path.iterdir())


def test_reads_grey_only(tmp_path):
    Image.new("RGB", (2, 2)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match="grey"):
        read_png(tmp_path / "a.png")
