"""NIfTI files as nibabel and SimpleITK read them, or refused for the reason that is their own."""

import gzip

import nibabel
import numpy as np
import pytest
from nifti_maker import AFFINE, VOXELS, change_header, make_nifti

from medsyngen.formats.canonical import ras_shape, to_ras
from medsyngen.formats.nifti import is_nifti, read_nifti, read_nifti_header
from medsyngen.formats.refusal import ScanRefused


def reason(path, read=read_nifti_header):
    with pytest.raises(ScanRefused) as refused:
        read(path)
    return refused.value.reason


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("kind", ["<i2", ">i2", "<u1", ">f4", "<f8", "<i4"])
def test_every_kind_reads_as_nibabel_reads_it(tmp_path, version, suffix, kind):
    path = make_nifti(tmp_path / f"a{suffix}", kind=kind, version=version)
    assert is_nifti(path)
    header, volume = read_nifti_header(path), read_nifti(path)
    other = nibabel.load(path)
    np.testing.assert_array_equal(volume.pixels, other.get_fdata(dtype=np.float32))
    np.testing.assert_allclose(volume.affine, other.affine)
    assert header.shape == volume.pixels.shape == (4, 5, 6)
    assert volume.value_range == {"i2": (-32768, 32767), "u1": (0, 255)}.get(kind[1:])


@pytest.mark.parametrize("name", ["a.hdr", "a.b.hdr"])
def test_header_and_image_in_two_files(tmp_path, name):
    path = make_nifti(tmp_path / name, version=3)
    np.testing.assert_array_equal(read_nifti(path).pixels, VOXELS)
    path.with_suffix(".img").unlink()
    assert reason(path) == "truncated"


def test_slope_and_intercept(tmp_path):
    path = make_nifti(tmp_path / "a.nii", scl_slope=-0.5, scl_inter=100.0)
    volume = read_nifti(path)
    np.testing.assert_allclose(volume.pixels, 100 - 0.5 * VOXELS)
    assert volume.value_range == (100 - 0.5 * 32767, 100 + 0.5 * 32768)
    for slope, inter, expected in ((0.0, 7.0, VOXELS), (np.nan, np.nan, VOXELS), (1.0, 3.0, VOXELS + 3)):
        change_header(path, scl_slope=slope, scl_inter=inter)
        np.testing.assert_array_equal(read_nifti(path).pixels, expected)
    change_header(path, scl_slope=1.0, scl_inter=np.inf)
    assert reason(path) == "rescale"


def test_units_are_millimetres_in_the_end(tmp_path):
    for units, factor in ((0, 1.0), (2, 1.0), (10, 1.0), (1, 1000.0), (3, 0.001)):
        affine = np.diag([*([1 / factor] * 3), 1]) @ AFFINE
        path = make_nifti(tmp_path / "a.nii", affine=affine, xyzt_units=units)
        np.testing.assert_allclose(read_nifti(path).affine, AFFINE, rtol=1e-6)


def test_a_single_volume_with_a_fourth_axis_is_a_volume(tmp_path):
    path = make_nifti(tmp_path / "a.nii", VOXELS[..., None])
    np.testing.assert_array_equal(read_nifti(path).pixels, VOXELS)
    assert reason(make_nifti(tmp_path / "b.nii", np.stack([VOXELS] * 2, -1))) == "four-dimensional"


def test_sform_goes_first_and_must_not_contradict_the_qform(tmp_path):
    path = make_nifti(tmp_path / "a.nii")
    image = nibabel.load(path)

    def forms(qform, sform):
        image.set_qform(qform, 1), image.set_sform(sform, 4)
        image.to_filename(tmp_path / "b.nii")
        return tmp_path / "b.nii"

    turned = AFFINE.copy()  # by 10 degrees: another space, the same directions
    turned[1:3, 1:3] = AFFINE[1:3, 1:3] @ [[np.cos(0.17), 0], [0, 1]]
    angle = np.array([[1, 0, 0], [0, np.cos(0.17), -np.sin(0.17)], [0, np.sin(0.17), np.cos(0.17)]])
    turned = AFFINE.copy()
    turned[:3, :3] = angle @ AFFINE[:3, :3]
    np.testing.assert_allclose(read_nifti(forms(AFFINE, turned)).affine, turned, rtol=1e-6, atol=1e-6)
    mirrored = np.diag([-1, 1, 1, 1]) @ AFFINE
    assert reason(forms(AFFINE, mirrored)) == "forms-disagree"
    assert reason(forms(AFFINE, AFFINE * [[1, 1.1, 1, 1]])) == "forms-disagree"
    change_header(forms(AFFINE, mirrored), sform_code=0)
    np.testing.assert_allclose(read_nifti(tmp_path / "b.nii").affine, AFFINE, rtol=1e-6)
    change_header(tmp_path / "b.nii", qform_code=0)
    assert reason(tmp_path / "b.nii") == "no-geometry"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"pixdim_at_2": 0.0}, "no-geometry"),
        ({"pixdim_at_2": np.nan}, "no-geometry"),
        ({"pixdim_at_3": -1.0}, "no-geometry"),
        ({"xyzt_units": 5}, "no-geometry"),
        ({"srow_x": np.nan}, "singular-affine"),
        ({"srow_x": 0.0}, "singular-affine"),
        ({"srow_y": [0.0, 2.5, 1.0, 0.0]}, "gantry-tilt"),
        ({"srow_x": [-2000.0, 0, 0, 0]}, "no-geometry"),
        ({"datatype": 2304, "bitpix": 32}, "coloured"),
        ({"datatype": 32, "bitpix": 64}, "bit-depth"),
        ({"datatype": 9999}, "unreadable"),
        ({"dim_at_1": 30000}, "truncated"),
        ({"dim_at_1": 30000, "dim_at_2": 30000}, "too-large"),
        ({"dim_at_1": 0}, "not-an-image"),
        ({"dim_at_1": -3}, "not-an-image"),
        ({"dim_at_0": 9}, "not-an-image"),
        ({"vox_offset": np.nan}, "unreadable"),
        ({"vox_offset": 1e9}, "unreadable"),
        ({"sizeof_hdr": 349}, "not-nifti"),
        ({"magic": b"n+3"}, "not-nifti"),
    ],
)
def test_a_broken_header_is_refused(tmp_path, fields, why):
    assert reason(make_nifti(tmp_path / "a.nii", **fields)) == why


def test_voxels_that_are_no_numbers(tmp_path):
    voxels = VOXELS.astype(np.float32)
    voxels[1, 2, 3] = np.nan
    assert reason(make_nifti(tmp_path / "a.nii", voxels, kind="<f4"), read_nifti) == "non-finite"
    assert reason(make_nifti(tmp_path / "b.nii", VOXELS * 1e300, kind="<f8"), read_nifti) == "non-finite"


def test_extensions_are_passed_over(tmp_path):
    image = nibabel.Nifti1Image(VOXELS.astype(np.int16), AFFINE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Fictional^Quintessa " * 100))
    image.to_filename(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read_nifti(tmp_path / "a.nii.gz").pixels, VOXELS)


@pytest.mark.parametrize("cut", [0, 3, 100, 347, 352, 400])
def test_a_cut_file_is_refused(tmp_path, cut):
    whole = make_nifti(tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii").write_bytes(whole[:cut])
    assert reason(tmp_path / "b.nii", read_nifti) == ("not-nifti" if cut < 348 else "truncated")
    (tmp_path / "c.nii.gz").write_bytes(gzip.compress(whole)[: max(cut, 20) // 2])
    assert reason(tmp_path / "c.nii.gz", read_nifti) in ("truncated", "not-nifti", "unreadable")


def test_turning_to_the_body_s_axes_moves_no_voxel(tmp_path):
    volume = read_nifti(make_nifti(tmp_path / "a.nii"))
    turned = to_ras(volume)
    assert nibabel.aff2axcodes(turned.affine) == ("R", "A", "S")
    assert ras_shape((4, 5, 6), volume.affine) == turned.pixels.shape
    other = nibabel.as_closest_canonical(nibabel.load(tmp_path / "a.nii"))
    np.testing.assert_array_equal(turned.pixels, other.get_fdata())
    np.testing.assert_allclose(turned.affine, other.affine)


def test_colours_are_read_as_their_luminance(tmp_path):
    colours = np.arange(4 * 5 * 6 * 3, dtype=np.uint16).reshape(4, 5, 6, 3) * 7 % 256
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.uint8), np.diag([2.0, 2.5, 3.0, 1.0]))
    kind = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    image = nibabel.Nifti1Image(np.ascontiguousarray(colours.astype(np.uint8)).view(kind)[..., 0], image.affine)
    image.header["scl_slope"], image.header["scl_inter"] = 3, 5  # of colours they mean nothing
    nibabel.save(image, tmp_path / "rgb.nii.gz")
    found = read_nifti(tmp_path / "rgb.nii.gz")
    assert np.allclose(found.pixels, colours @ [0.299, 0.587, 0.114], atol=1e-4)
    assert found.value_range == (0.0, 255.0)
    assert read_nifti_header(tmp_path / "rgb.nii.gz").bits == 8
