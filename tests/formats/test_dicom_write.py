"""Synthetic DICOM: an independent validator finds nothing wrong, and can find something; pixels come back."""

import os
import subprocess

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written import DCIODVFY, FACTS, KINDS, PICTURE, REQUIRED, VOLUME, complaints, series, write

from medsyngen.formats.dicom_templates import DX_VIEWS, VIEW_ORIENTATION, ImageFacts, SyntheticIdentity
from medsyngen.formats.dicom_write import quantise


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spacing", [0.143, None])
def test_validator_finds_no_error_and_no_warning(tmp_path, kind, spacing):
    if spacing is None and kind in ("DX", "CT", "MR"):
        with pytest.raises(ValueError, match="spacing"):
            write(tmp_path / "a.dcm", **KINDS[kind], pixel_spacing_mm=None)
    else:
        assert complaints(write(tmp_path / "a.dcm", **KINDS[kind] | {"pixel_spacing_mm": spacing})) == (0, [])


@pytest.mark.parametrize("kind", ["CT", "MR"])
@pytest.mark.parametrize("derived", [True, False])
def test_validator_accepts_a_series_whatever_its_image_type(tmp_path, kind, derived):
    paths = series(tmp_path, kind, derived=derived)
    assert len(paths) == VOLUME.shape[2]
    assert complaints(paths[1]) == (0, [])
    done = subprocess.run([DCIODVFY.with_name("dcentvfy"), *paths], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_second_validator_sees_a_slice_of_another_patient(tmp_path):
    paths = series(tmp_path, "CT")
    ds = pydicom.dcmread(paths[0])
    ds.PatientName = "Somebody^Else"
    ds.save_as(paths[0], overwrite=True)
    done = subprocess.run([DCIODVFY.with_name("dcentvfy"), *paths], capture_output=True, text=True, check=False)
    assert "Error" in done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", REQUIRED)
def test_validator_misses_each_required_attribute(tmp_path, kind):
    path = write(tmp_path / "a.dcm", **KINDS[kind])
    required, missed = REQUIRED[kind].split(), []
    for keyword in required:
        ds = pydicom.dcmread(path)
        del ds[keyword]
        ds.save_as(tmp_path / "b.dcm", overwrite=True)
        missed += [keyword] if any(line.startswith("Error") for line in complaints(tmp_path / "b.dcm")[1]) else []
    assert missed == required


@pytest.mark.parametrize("bits", range(8, 17))
def test_validator_accepts_every_number_of_bits(tmp_path, bits):
    assert complaints(write(tmp_path / "a.dcm", bits=bits)) == (0, [])


@pytest.mark.parametrize(("modality", "view"), [*(("CR", v) for v in VIEW_ORIENTATION), *(("DX", v) for v in DX_VIEWS)])
def test_validator_accepts_every_view(tmp_path, modality, view):
    assert complaints(write(tmp_path / "a.dcm", modality, view_position=view)) == (0, [])


@pytest.mark.parametrize("modality", ["CR", "SC"])
@pytest.mark.parametrize("sex", ["M", "F", "O", ""])
def test_validator_accepts_every_sex_and_a_side_of_a_paired_part(tmp_path, modality, sex):
    fields = {"modality": modality, "sex": sex, "laterality": "L", "body_part": "KNEE"}
    path = write(tmp_path / "a.dcm", **fields)
    assert complaints(path) == (0, [])
    ds = pydicom.dcmread(path)
    assert (ds.PatientSex or "", ds.Laterality) == (sex, "L")


@pytest.mark.parametrize("kind", KINDS)
def test_says_that_it_is_synthetic(tmp_path, kind):
    ds = pydicom.dcmread(write(tmp_path / "a.dcm", **KINDS[kind]))
    assert ds.SyntheticData == "YES"
    assert ds.PatientID.startswith("SYN-")
    assert "SYNTHETIC" in ds.StudyDescription
    assert "SYNTHETIC" in ds.SeriesDescription
    equipment = ds.ContributingEquipmentSequence[0]
    assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "109100"
    assert equipment.ContributionDescription == "ε = 8"
    assert ds.preamble == bytes(128)
    assert ds.ImageComments == "synthetic class: normal"
    assert "PatientIdentityRemoved" not in ds  # there never was one
    assert not ds.Manufacturer.upper().startswith("ME")  # dcm2niix would take it for Mediso
    assert all(uid.startswith("2.25.") for uid in (ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID))


def test_two_identities_share_nothing_but_what_was_asked_for():
    one, other = SyntheticIdentity.fresh("SYN-1"), SyntheticIdentity.fresh("SYN-1")
    uids = {i for x in (one, other) for i in (x.study_uid, x.series_uid, x.instance_uid, x.frame_uid)}
    assert len(uids) == 8
    assert all(len(uid) <= 64 for uid in uids)


@given(bits=st.integers(8, 16), values=st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=40))
def test_quantisation_moves_a_pixel_by_half_a_level_at_most(bits, values):
    pixels = np.array(values, dtype=np.float32)
    back = quantise(pixels, bits) / (2**bits - 1) * 2.0 - 1.0
    assert np.abs(back - pixels).max() <= 1.0 / (2**bits - 1) + 1e-9


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_pixels_come_back(tmp_path, bits):
    ds = pydicom.dcmread(write(tmp_path / "a.dcm", bits=bits))
    assert ds.pixel_array.shape == PICTURE.shape
    assert (ds.pixel_array == quantise(PICTURE, bits)).all()
    assert ds.pixel_array.max() == 2**bits - 1


def test_hounsfield_units_come_back_by_slope_and_intercept(tmp_path):
    pixels = np.array([[-1.0, 1.0, 0.0], [-5.0, 5.0, 0.5]], np.float32)
    ds = pydicom.dcmread(write(tmp_path / "a.dcm", **KINDS["CT"] | {"pixels": pixels}))
    units = pydicom.pixels.apply_modality_lut(ds.pixel_array, ds)
    assert units.tolist() == [[-1000, 400, -300], [-1000, 400, 50]]
    shown = pydicom.pixels.apply_voi_lut(units, ds)
    assert shown.min() == shown[0, 0] < shown[0, 2] < shown[0, 1] == shown.max()


@pytest.mark.parametrize("kind", ["MFSC word", "MFSC byte"])
def test_frames_come_back_from_the_feet_up(tmp_path, kind):
    ds = pydicom.dcmread(write(tmp_path / "a.dcm", **KINDS[kind]))
    assert ds.pixel_array.shape == (4, 7, 9)
    assert (ds.pixel_array[2] == quantise(VOLUME[::-1, ::-1, 2].T, ds.BitsStored)).all()


def test_levels_are_of_the_recipe_not_of_the_picture():
    assert quantise(np.array([-3, 0, 3], np.float32), 8).tolist() == [0, 128, 255]


def test_refuses_what_it_can_not_write(tmp_path):
    with pytest.raises(ValueError, match="finite"):
        quantise(np.array([np.nan], np.float32), 8)
    for modality, pixels in (("US", PICTURE), ("CR", VOLUME), ("CT", VOLUME)):
        with pytest.raises(ValueError, match=f"as {modality}"):
            write(tmp_path / "a.dcm", modality, pixels)
    with pytest.raises(ValueError, match="as a series of CR"):
        series(tmp_path, "CR", lowest=0)
    for bad in ({"body_part": "KNEE"}, {"view_position": "LLO"}, {"laterality": "L"}):
        with pytest.raises(ValueError, match="DX"):
            write(tmp_path / "a.dcm", "DX", **bad)
    for bad in (
        {"bits": 17},
        {"pixel_spacing_mm": -1.0},
        {"view_position": "XX"},
        {"contribution": "x" * 1025},
        {"sex": "f"},
        {"laterality": "B"},
    ):
        with pytest.raises(ValueError, match=r"."):
            ImageFacts(**(FACTS | bad))


def test_never_replaces_a_file(tmp_path):
    write(tmp_path / "a.dcm")
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.dcm")
    assert os.listdir(tmp_path) == ["a.dcm"]
