"""Embeddings: fixed, finite whatever the image, and no row depends on its company."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.errors import UsageError
from medsyngen.synthesis.embedding import embedded
from medsyngen.synthesis.pixel_embedding import DETAIL, FLOOR, SCALES


def images(count: int, side: int = 28, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 1, side, side)).astype(np.float32)


@given(st.integers(0, 99), st.integers(1, 150), st.sampled_from([8, 28, 31]))
@settings(max_examples=25, deadline=None)
def test_a_row_of_pixels_does_not_depend_on_its_company(seed, count, side):
    x = images(count, side, seed)
    rows = embedded("pixels", x)
    order = np.random.default_rng(seed).permutation(count)
    np.testing.assert_array_equal(embedded("pixels", x[order]), rows[order])
    np.testing.assert_array_equal(embedded("pixels", x[-1:])[0], rows[-1])
    np.testing.assert_array_equal(embedded("pixels", np.concatenate([images(70, side, 7), x]))[70:], rows)


@pytest.mark.slow
def test_a_row_of_lite0_does_not_depend_on_its_company():
    """Were passes of 32 images not filled up, the last eight rows would change when they come first."""
    x = images(40)
    rows = embedded("lite0", x)
    np.testing.assert_array_equal(embedded("lite0", x[::-1]), rows[::-1])
    for slot in (3, 7):
        company = images(slot, seed=1)
        np.testing.assert_array_equal(embedded("lite0", np.concatenate([company, x[:1]]))[slot], rows[0])


def slow_row(image: np.ndarray) -> np.ndarray:
    """The definition, in loops; the side is a multiple of 32."""
    flat = (image - image.mean()) / max(image.std(), FLOOR)
    parts = []
    for side, weight in SCALES.items():
        half = flat.reshape(2 * side, flat.shape[0] // (2 * side), 2 * side, -1).mean((1, 3))
        bright, detail = np.zeros((side, side)), np.zeros((side, side))
        for i in range(2 * side):
            for j in range(2 * side):
                right = half[i, j + 1] - half[i, j] if j + 1 < 2 * side else 0
                below = half[i + 1, j] - half[i, j] if i + 1 < 2 * side else 0
                bright[i // 2, j // 2] += half[i, j] / 4
                detail[i // 2, j // 2] += (right**2 + below**2) / 4
        parts += [weight / side * bright.ravel(), weight / side * DETAIL * np.sqrt(detail).ravel()]
    return np.concatenate(parts)


@pytest.mark.parametrize("side", [32, 64])
def test_rows_of_pixels_are_what_their_definition_says(side):
    x = images(2, side)
    np.testing.assert_allclose(embedded("pixels", x), [slow_row(each[0].astype(float)) for each in x], atol=1e-6)


def test_a_pixel_on_the_border_of_cells_counts_in_both_by_its_shares():
    """At 48 pixels a cell of a 32nd is one and a half pixels wide: columns 0 and 1 make the first of the finest."""
    x = images(1, 48)
    thrice = np.repeat(np.repeat(x, 2, axis=2), 2, axis=3)  # 96 pixels, three to a cell
    np.testing.assert_allclose(embedded("pixels", x), embedded("pixels", thrice), atol=1e-6)


@given(st.floats(0.2, 1), st.floats(-0.3, 0.3))
@settings(max_examples=20, deadline=None)
def test_brightness_and_contrast_of_an_image_change_nothing(contrast, brightness):
    x = 0.7 * images(3)
    moved = (contrast * x + brightness * 0.9).astype(np.float32)
    np.testing.assert_allclose(embedded("pixels", moved), embedded("pixels", x), atol=1e-5)


def test_blank_images_stay_blank():
    """Divided by their own deviation, a thousandth of the range would look like an image of full contrast."""
    x = np.float32(0.3) + np.float32(0.001) * images(2)
    assert np.abs(embedded("pixels", x)).max() < 0.05 * np.abs(embedded("pixels", images(2))).max()


def test_no_image_gives_a_row_that_is_not_finite_or_changes_another():
    x = images(5)
    clean = embedded("pixels", x)
    x[1], x[2, 0, 3], x[3, 0, 0, 0] = np.nan, np.inf, 1e38
    rows = embedded("pixels", x)
    assert np.isfinite(rows).all()
    np.testing.assert_array_equal(rows[[0, 4]], clean[[0, 4]])


def test_no_images_give_no_rows():
    assert embedded("pixels", images(0)).shape == (0, 672)


def test_an_unknown_embedding_is_refused():
    with pytest.raises(UsageError, match="no embedding named 'inception'") as error:
        embedded("inception", images(1))
    assert error.value.do == "choose from: pixels, lite0"
