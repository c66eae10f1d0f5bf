"""PNG and JPEG as grey images: exactly their pixels, or refused."""

import io

import numpy as np
import pytest
from PIL import Image

from medsyngen.formats.raster import is_raster, read_raster, read_raster_header
from medsyngen.formats.refusal import ScanRefused

GREY = np.arange(6 * 9, dtype=np.uint8).reshape(6, 9) * 4


def saved(path, pixels, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(path, **options)
    return path


def reason(path):
    with pytest.raises(ScanRefused) as refused:
        read_raster(path)
    return refused.value.reason


@pytest.mark.parametrize(("kind", "bits"), [(np.uint8, 8), (np.uint16, 16), (bool, 1)])
def test_grey_png_of_any_depth(tmp_path, kind, bits):
    pixels = (GREY > 100) if kind is bool else (GREY.astype(kind) * (257 if bits == 16 else 1))
    path = saved(tmp_path / "a.png", pixels)
    image, header = read_raster(path), read_raster_header(path)
    assert is_raster(path)
    np.testing.assert_array_equal(image.pixels, pixels)
    assert image.pixels.dtype == np.float32
    assert image.value_range == (0, 2**bits - 1)
    assert (header.rows, header.columns, header.bits) == (6, 9, bits)
    assert image.spacing_mm == ()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_grey_said_in_colours(tmp_path, mode):
    path = saved(tmp_path / "a.png", Image.fromarray(GREY).convert(mode))
    np.testing.assert_allclose(read_raster(path).pixels, GREY, rtol=1e-6)


def test_jpeg(tmp_path):
    smooth = np.add.outer(np.arange(64), np.arange(48)).astype(np.uint8)
    grey = saved(tmp_path / "a.jpg", smooth, quality=95)
    coloured = saved(tmp_path / "b.jpg", Image.fromarray(smooth).convert("RGB"), quality=95)
    np.testing.assert_array_equal(read_raster(grey).pixels, np.asarray(Image.open(grey)))
    assert abs(read_raster(coloured).pixels - smooth).max() <= 4


def test_colours_are_read_as_their_luminance_and_what_is_see_through_is_refused(tmp_path):
    colours = np.stack([GREY, GREY // 2, GREY // 4], -1)
    luminance = read_raster(saved(tmp_path / "a.png", colours)).pixels
    np.testing.assert_allclose(luminance, colours @ [0.299, 0.587, 0.114], rtol=1e-6)
    clear = np.stack([GREY, GREY, GREY, np.full_like(GREY, 254)], -1)
    assert reason(saved(tmp_path / "b.png", clear)) == "coloured"
    assert reason(saved(tmp_path / "c.jpg", Image.fromarray(GREY).convert("CMYK"))) == "coloured"
    assert (
        reason(
            saved(tmp_path / "d.png", Image.fromarray(GREY), save_all=True, append_images=[Image.fromarray(255 - GREY)])
        )
        == "multi-frame"
    )


def test_a_turned_jpeg_is_read_as_it_is_shown(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise
    path = saved(tmp_path / "a.jpg", np.add.outer(np.arange(40), np.zeros(24)).astype(np.uint8), exif=exif)
    header, image = read_raster_header(path), read_raster(path)
    assert image.pixels.shape == (header.rows, header.columns) == (24, 40)
    assert image.pixels[0, 0] > image.pixels[0, -1]


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_cut_or_forged_file_is_refused(tmp_path, suffix):
    whole = saved(tmp_path / f"a.{suffix}", np.tile(GREY, (20, 20))).read_bytes()
    for cut in (9, 40, len(whole) // 2, len(whole) * 3 // 4):
        (tmp_path / "b").write_bytes(whole[:cut])
        assert reason(tmp_path / "b") == "unreadable"
    gif = io.BytesIO()
    Image.fromarray(GREY).save(gif, "GIF")
    (tmp_path / "c.png").write_bytes(gif.getvalue())
    assert not is_raster(tmp_path / "c.png")
    assert reason(tmp_path / "c.png") == "unreadable"
