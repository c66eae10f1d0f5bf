"""Volumes on one grid: cropped, filled up, turned, resampled; maps with them."""

from __future__ import annotations

import nibabel
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from medsyngen.cohort.grids import Grid, filled, map_on_grid, on_grid
from medsyngen.errors import UsageError
from medsyngen.formats.label_codes import to_labels
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.values import VolumeValues

GRID = Grid((8, 9, 10), (1.0, 1.0, 1.0))


def volume(shape, spacing=(1.0, 1.0, 1.0), seed=0):
    pixels = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return VolumeValues(pixels, np.diag((*spacing, 1.0)))


def smooth(shape, spacing):
    """x + 2 y + 3 z in mm from the middle: linear interpolation is exact on it."""
    axes = [(np.arange(n) - (n - 1) / 2) * mm for n, mm in zip(shape, spacing, strict=True)]
    x, y, z = np.meshgrid(*axes, indexing="ij")
    return VolumeValues((x + 2 * y + 3 * z).astype(np.float32), np.diag((*spacing, 1.0)))


@given(st.tuples(*[st.integers(3, 14)] * 3))
@settings(deadline=None, max_examples=40)
def test_voxels_of_the_right_size_are_cropped_or_kept_and_never_mixed(shape):
    given_volume = volume(shape)
    part = on_grid(given_volume, GRID)
    assert part.shape == tuple(min(a, b) for a, b in zip(shape, GRID.size, strict=True))
    starts = [(n - k) // 2 for n, k in zip(shape, part.shape, strict=True)]
    inner = tuple(slice(s, s + k) for s, k in zip(starts, part.shape, strict=True))
    assert (part == given_volume.pixels[inner]).all()
    whole = filled(part, GRID.size, -5.0)
    assert whole.shape == GRID.size
    assert (whole == -5).sum() == whole.size - part.size


@given(st.tuples(*[st.integers(6, 16)] * 3), st.tuples(*[st.floats(0.4, 2.5)] * 3))
@settings(deadline=None, max_examples=40)
def test_what_is_resampled_lies_where_it_lay(shape, spacing):
    """On a linear function: every voxel of the part has the value of its own place in mm.

    Where voxels grow, weights reach over several and are not quite even: they lean by up to 0.07 mm here.
    """
    part = on_grid(smooth(shape, spacing), GRID)
    expected = smooth(part.shape, GRID.spacing_mm).pixels
    if any(abs(mm - 1) < 1e-3 for mm in spacing):
        return
    inner = tuple(slice(3, -3) if n > 6 else slice(0, 0) for n in part.shape)  # edges of wide weights lean inwards
    lean = sum(0.08 * slope for slope, mm in zip((1, 2, 3), spacing, strict=True) if mm < 1)
    assert np.allclose(part[inner], expected[inner], atol=1e-3 + lean)


def test_interpolation_is_that_of_scipy_where_nothing_shrinks():
    given_volume = volume((10, 10, 10), (2.0, 2.0, 2.0))
    part = on_grid(given_volume, Grid((12, 12, 12), (1.0, 1.0, 1.0)))
    offset = [(10 - 1) / 2 - (12 - 1) / 2 * 0.5] * 3
    theirs = affine_transform(given_volume.pixels, [0.5] * 3, offset=offset, output_shape=(12,) * 3, order=1)
    assert np.allclose(part, theirs, atol=1e-5)


def test_any_orientation_gives_the_same_part():
    straight = volume((9, 9, 11))
    turned = nibabel.Nifti1Image(straight.pixels, straight.affine).as_reoriented([[1, -1], [2, 1], [0, -1]])
    other = VolumeValues(np.asarray(turned.dataobj), turned.affine)
    assert (on_grid(other, GRID) == on_grid(straight, GRID)).all()


def test_maps_go_with_their_volumes_and_stay_whole():
    labels = np.random.default_rng(1).integers(0, 3, (12, 9, 7))
    own, image = VolumeValues(labels.astype(np.float32), np.eye(4)), volume((12, 9, 7))
    levels = map_on_grid(own, image, GRID, 3)
    assert (to_labels(levels, 3) == on_grid(own, GRID)).all()
    coarse = Grid((8, 8, 8), (1.5, 1.5, 1.5))
    assert map_on_grid(own, image, coarse, 3).shape == on_grid(image, coarse).shape
    assert set(np.unique(map_on_grid(own, image, coarse, 3))) <= {-1.0, 0.0, 1.0}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda v: VolumeValues(v.pixels[1:], v.affine), "label-map-place"),
        (lambda v: VolumeValues(v.pixels, np.diag((1.0, 1.0, 1.1, 1.0))), "label-map-place"),
        (lambda v: VolumeValues(v.pixels, v.affine + np.eye(4, k=3)), "label-map-place"),
        (lambda v: VolumeValues(v.pixels + 2, v.affine), "label-map-values"),
        (lambda v: VolumeValues(v.pixels + np.float32(0.5), v.affine), "label-map-values"),
    ],
)
def test_a_map_of_something_else_is_refused(change, reason):
    own = VolumeValues(np.ones((9, 9, 9), np.float32), np.eye(4))
    with pytest.raises(ScanRefused) as caught:
        map_on_grid(change(own), volume((9, 9, 9)), GRID, 3)
    assert caught.value.reason == reason


@pytest.mark.parametrize("bad", [((4, 8, 8), (1.0,) * 3), ((8, 8, 8), (1.0, 0.0, 1.0)), ((8, 8, 600), (1.0,) * 3)])
def test_what_is_no_grid_is_refused(bad):
    with pytest.raises(UsageError):
        Grid(*bad)
