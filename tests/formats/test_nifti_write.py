"""NIfTI and npz out: the same input gives the same bytes, nothing more is told; a law for grey levels."""

import gzip

import nibabel
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.formats.grey_levels import above_lowest, quantise, signed_levels
from medsyngen.formats.nifti_write import write_nifti
from medsyngen.formats.npz_write import NpzWriter

LEVELS = np.arange(-30, 30, dtype=np.int16).reshape(3, 4, 5)


def test_same_levels_same_bytes_and_no_file_is_replaced(tmp_path):
    for name in ("JANE_DOE.nii.gz", "other.nii.gz"):
        write_nifti(tmp_path / name, LEVELS, spacing_mm=(0.5, 0.6, 2.0))
    data = (tmp_path / "JANE_DOE.nii.gz").read_bytes()
    assert data == (tmp_path / "other.nii.gz").read_bytes()
    assert b"JANE" not in data
    assert gzip.decompress(data)[344:352] == b"n+1\0" + bytes(4)
    with pytest.raises(FileExistsError):
        write_nifti(tmp_path / "other.nii.gz", LEVELS, spacing_mm=None)


@pytest.mark.parametrize("spacing", [(0.5, 0.6, 2.0), None])
def test_another_reader_finds_levels_spacing_and_units(tmp_path, spacing):
    write_nifti(tmp_path / "a.nii.gz", LEVELS, spacing_mm=spacing)
    image = nibabel.load(tmp_path / "a.nii.gz")
    assert (np.asarray(image.dataobj) == LEVELS).all()
    assert np.allclose(image.header.get_zooms(), spacing or (1, 1, 1))
    assert image.header.get_xyzt_units() == (("mm", "sec") if spacing else ("unknown", "unknown"))
    middle = image.affine @ [1.0, 1.5, 2.0, 1.0]
    assert np.allclose(middle[:3], 0, atol=1e-6)


@given(low=st.integers(-32768, 32000), span=st.integers(1, 4095), values=st.lists(st.floats(-2, 2), min_size=1))
def test_units_come_back_within_half_of_one(low, span, values):
    high = min(low + span, 32767)
    pixels = np.array(values, dtype=np.float32)
    wanted = (np.clip(pixels.astype(np.float64), -1, 1) + 1) / 2 * (high - low) + low
    assert np.abs(signed_levels(pixels, 12, (low, high)) - wanted).max() <= 0.5
    assert (above_lowest(pixels, (low, high)).astype(int) + low == signed_levels(pixels, 12, (low, high))).all()


def test_sixteen_bits_become_fifteen():
    ends = np.array([-1.0, 1.0], np.float32)
    assert signed_levels(ends, 16, None).tolist() == [0, 2**15 - 1]
    assert signed_levels(ends, 12, None).tolist() == quantise(ends, 12).tolist() == [0, 4095]
    with pytest.raises(ValueError, match="finite"):
        signed_levels(np.array([np.inf], np.float32), 12, (0, 9))


def test_arrays_of_any_shape_come_back_and_shapes_may_not_differ(tmp_path):
    images = np.arange(3 * 2 * 3 * 4, dtype=np.uint8).reshape(3, 2, 3, 4)
    with NpzWriter(tmp_path / "a.npz") as writer:
        for image in images:
            writer.add(image)
        with pytest.raises(ValueError, match="among images"):
            writer.add(np.zeros((2, 2), np.uint8))
        writer.finish(np.array([[0], [300], [2]], np.uint16))
    with np.load(tmp_path / "a.npz") as arrays:
        assert (arrays["train_images"] == images).all()
        assert arrays["train_labels"].tolist() == [[0], [300], [2]]
