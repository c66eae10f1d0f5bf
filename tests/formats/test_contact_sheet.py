"""Contact sheets: every image once, in order, in the right grey, under the caption."""

import numpy as np
import pytest

from medsyngen.formats.contact_sheet import CAPTION_HEIGHT, contact_sheet


def greys(*values, height=4, width=6):
    return np.broadcast_to(np.array(values, np.float32)[:, None, None, None], (len(values), 1, height, width)).copy()


def test_images_lie_in_rows_in_order_and_black_is_minus_one():
    sheet = np.asarray(contact_sheet(greys(-1, 0, 1), 2, scale=1))
    assert sheet.dtype == np.uint8
    assert sheet.shape == (2 * 5 + 1, 2 * 7 + 1)
    assert (sheet[1:5, 1:7] == 0).all()
    assert (sheet[1:5, 8:14] == 128).all()
    assert (sheet[6:10, 1:7] == 255).all()


def test_scale_repeats_pixels_and_values_out_of_range_are_clipped():
    pixels = greys(-7, 7)
    once, thrice = (np.asarray(contact_sheet(pixels, 2, scale=scale)) for scale in (1, 3))
    assert (thrice == once.repeat(3, 0).repeat(3, 1)).all()
    assert once[1, 1] == 0
    assert once[1, 8] == 255


def test_fewer_images_than_columns_make_a_narrow_sheet():
    assert contact_sheet(greys(0, 0), 8, scale=1).size == (2 * 7 + 1, 5 + 1)


def test_the_caption_is_written_above_and_hides_no_image():
    pixels = greys(*np.linspace(-1, 1, 8), height=16, width=16)
    bare, framed = contact_sheet(pixels, 8), contact_sheet(pixels, 8, caption="SYNTHETIC")
    assert framed.size == (bare.width, bare.height + CAPTION_HEIGHT)
    assert (np.asarray(framed)[CAPTION_HEIGHT:] == np.asarray(bare)).all()
    head = np.asarray(framed)[:CAPTION_HEIGHT]
    assert (head < 100).any()  # ink
    assert (head > 200).mean() > 0.7


@pytest.mark.parametrize("shape", [(0, 1, 4, 4), (3, 4, 4), (2, 3, 4, 4)])
def test_what_is_no_batch_of_grey_images_is_refused(shape):
    with pytest.raises(ValueError, match="count, 1, height, width"):
        contact_sheet(np.zeros(shape, np.float32), 2)
