"""Slices of a volume hang as a radiologist hangs them, whatever way they were stored; pixels keep their proportions."""

import tracemalloc
from itertools import permutations, product

import numpy as np
import pytest
from nibabel.affines import apply_affine
from nibabel.orientations import apply_orientation, inv_ornt_aff
from nifti_maker import VOXELS, make_nifti

from medsyngen.cohort.labels import LabelTable
from medsyngen.cohort.pictures import Wanted, picture_digest, read_pictures, slices_of
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.slices import Slices
from medsyngen.cohort.transforms import ScanForm, forming
from medsyngen.errors import InputUnusable
from medsyngen.formats.values import ImageValues, VolumeValues

RAS = np.diag([2.0, 3.0, 4.0, 1.0])


def coded() -> VolumeValues:
    """A volume whose values say where they are: 100 x right + 10 x front + head."""
    right, front, head = np.indices((4, 5, 6))
    return VolumeValues((100 * right + 10 * front + head).astype(np.float32), RAS, (0.0, 500.0))


def stored(volume, order, flips):
    """The same volume, its axes swapped and turned round."""
    orientation = np.array([[axis, 1 - 2 * flip] for axis, flip in zip(order, flips, strict=True)])
    pixels = apply_orientation(volume.pixels, orientation)
    return VolumeValues(pixels, volume.affine @ inv_ornt_aff(orientation, volume.pixels.shape), volume.value_range)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_pictures_do_not_depend_on_how_a_volume_is_stored(order):
    for flips, plane in product(product((0, 1), repeat=3), ("axial", "coronal", "sagittal")):
        turned = stored(coded(), order, flips)
        at = apply_affine(turned.affine, [1, 1, 1]) / [2, 3, 4]
        assert turned.pixels[1, 1, 1] == at @ [100, 10, 1]  # the voxel is where the affine says
        found = slices_of(turned, Slices(plane, 2))
        for a, b in zip(found, slices_of(coded(), Slices(plane, 2)), strict=True):
            np.testing.assert_array_equal(a.pixels, b.pixels)
            assert a.spacing_mm == pytest.approx(b.spacing_mm)


def test_up_is_front_or_head_and_left_is_the_patient_s_right_or_front():
    axial, coronal, sagittal = (slices_of(coded(), Slices(plane, 3)) for plane in ("axial", "coronal", "sagittal"))
    assert [image.pixels[0, 0] for image in axial] == [340 + 1, 340 + 4]  # right and front, slices 1 and 4
    assert [image.pixels[-1, -1] for image in axial] == [0 + 1, 0 + 4]
    assert coronal[0].pixels[0, 0] == 300 + 10 + 5  # right and head
    assert sagittal[0].pixels[0, 0] == 100 + 40 + 5  # front and head
    assert (axial[0].spacing_mm, coronal[0].spacing_mm, sagittal[0].spacing_mm) == ((3, 2), (4, 2), (4, 3))
    assert axial[0].value_range == (0.0, 500.0)


def test_pixels_are_not_stretched():
    fit = forming(ScanForm(size=32, window=(0.0, 1.0)))
    bright = fit(ImageValues(np.ones((10, 40), np.float32), None, (4.0, 1.0)), None)[0]
    assert (bright == 1).all()  # 40 mm x 40 mm
    strip = fit(ImageValues(np.ones((40, 40), np.float32), None, (4.0, 1.0)), None)[0]
    assert (strip == 1).sum(0).tolist() == [0] * 12 + [32] * 8 + [0] * 12  # 160 mm x 40 mm
    unknown = fit(ImageValues(np.ones((10, 40), np.float32), None), None)[0]
    assert (unknown == 1).sum() == 8 * 32
    nearly = fit(ImageValues(np.eye(32, dtype=np.float32), None, (0.7000001, 0.7)), None)[0]
    np.testing.assert_array_equal(nearly, 2 * np.eye(32) - 1)  # rounding of a header changes nothing


def test_the_window_per_scan_is_the_volume_s(tmp_path):
    path = make_nifti(tmp_path / "a.nii")
    pictures = read_pictures(Wanted((str(path),), Slices("axial", 2), percentiles=True))
    assert pictures.ends == pytest.approx(np.percentile(VOXELS, (1, 99)))
    assert len(pictures.images) == 3
    fit = forming(ScanForm(size=8, window="per-scan"))
    first, *_, last = (fit(image, pictures.ends) for image in pictures.images)
    assert first.max() > -1  # each in the same window, not each stretched to its own
    assert first.mean() < last.mean()
    assert pictures.digest == picture_digest(VOXELS.astype(np.float32)) != picture_digest(VOXELS.T.astype(np.float32))


@pytest.fixture
def volumes(tmp_path):
    """Three patients: two NIfTI volumes, one of them two, and a radiograph."""
    for number, name in enumerate(("a/1.nii.gz", "b/1.nii", "b/2.hdr")):
        make_nifti(tmp_path / "s" / name, VOXELS + number, version=3 if name.endswith("hdr") else 1)
    rows = ["path,patient_id,label", "a/1.nii.gz,A,x", "b/1.nii,B,y", "b/2.hdr,B,x"]
    (tmp_path / "s" / "labels.csv").write_text("\n".join(rows))
    return tmp_path / "s"


def test_the_slices_of_a_volume_are_images_of_its_patient(volumes):
    form = ScanForm(size=8, window=(0.0, 200.0), slices=Slices("axial", 2))
    reading = read_cohort(volumes, form=form)
    assert {key.patient_id: len(record.pixels) for key, record in reading.cohort.items()} == {"A": 3, "B": 6}
    assert (reading.accepted, reading.refusals) == (3, ())
    (key,) = (key for key in reading.cohort if key.patient_id == "A")
    fit = forming(form)
    for image, picture in zip(reading.cohort[key].pixels, slices_of_file(volumes / "a/1.nii.gz"), strict=True):
        np.testing.assert_array_equal(image, fit(picture, None))


def slices_of_file(path):
    return read_pictures(Wanted((str(path),), Slices("axial", 2))).images


def test_without_the_rule_a_volume_is_refused_and_says_what_to_set(volumes):
    with pytest.raises(InputUnusable) as refused:
        read_cohort(volumes, form=ScanForm(max_skipped_share=0.9))
    assert "scans.slices" in refused.value.do


def test_a_label_is_the_volume_s_for_all_its_slices(volumes):
    table = LabelTable.read(volumes / "labels.csv")
    assert table.owners == {"a/1.nii.gz": "A", "b/1.nii": "B", "b/2.hdr": "B"}
    parts = ("c/s/1.dcm", "c/s/2.dcm")
    by_folder, by_part = LabelTable(by_path={"c/s": "x"}), LabelTable(by_path={"c/s/2.dcm": "y", "c/s": "x"})
    assert by_folder.find("c/s/1.dcm", "P", parts) == "x"
    assert by_folder.find("c/s/1.dcm", "P") is None  # a picture is not named by its folder
    assert by_part.find("c/s/1.dcm", "P", parts) == "y"
    torn = LabelTable(by_path={"c/s/1.dcm": "x", "c/s/2.dcm": "y"}, by_patient={"P": "z"})
    assert torn.find("c/s/1.dcm", "P", parts) is None
    assert LabelTable(by_patient={"P": "z"}).find("c/s/1.dcm", "P", parts) == "z"


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_slice_is_taken_without_a_copy_of_its_volume(plane, order):
    """Files of NIfTI come in Fortran's order, where `np.take` copies the whole volume for each slice."""
    pixels = np.zeros((100, 110, 120), np.float32, order=order)
    volume = VolumeValues(pixels, np.eye(4), (0.0, 1.0))
    tracemalloc.start()
    try:
        slices_of(volume, Slices(plane, 60))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < pixels.nbytes / 4
