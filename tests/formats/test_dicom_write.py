"""Synthetic DICOM: an independent validator finds nothing wrong, and can find something; pixels come back."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.formats.dicom_templates import VIEW_ORIENTATION, ImageFacts, SyntheticIdentity
from medsyngen.formats.dicom_write import quantise, write_dicom

DCIODVFY = Path(sys.executable).with_name("dciodvfy")
PICTURE = np.linspace(-1, 1, 7 * 9, dtype=np.float32).reshape(7, 9)  # odd, so that 8 bits need a pad byte


def write(path, **changes):
    fields = {"modality": "CR", "bits": 12, "pixel_spacing_mm": 0.143, "class_name": "normal", "contribution": "ε = 8"}
    write_dicom(path, PICTURE, identity=SyntheticIdentity.fresh("SYN-000001"), **(fields | changes))
    return path


def complaints(path):
    done = subprocess.run([DCIODVFY, "-new", path], capture_output=True, text=True, check=False)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith(("Error", "Warning"))]
    return done.returncode, lines


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("modality", ["CR", "SC"])
def test_validator_finds_no_error_and_no_warning(tmp_path, modality, bits):
    spacing = 0.143 if bits % 2 else None
    path = write(tmp_path / "a.dcm", modality=modality, bits=bits, pixel_spacing_mm=spacing)
    assert complaints(path) == (0, [])


@pytest.mark.parametrize("view", VIEW_ORIENTATION)
def test_validator_accepts_every_view(tmp_path, view):
    assert complaints(write(tmp_path / "a.dcm", view_position=view)) == (0, [])


@pytest.mark.parametrize("modality", ["CR", "SC"])
@pytest.mark.parametrize("sex", ["M", "F", "O", ""])
def test_validator_accepts_every_sex_and_a_side_of_a_paired_part(tmp_path, modality, sex):
    fields = {"modality": modality, "sex": sex, "laterality": "L", "body_part": "KNEE"}
    path = write(tmp_path / "a.dcm", **fields)
    assert complaints(path) == (0, [])
    ds = pydicom.dcmread(path)
    assert (ds.PatientSex or "", ds.Laterality) == (sex, "L")


@pytest.mark.parametrize(
    ("modality", "keyword"),
    [("CR", "ViewPosition"), ("CR", "PatientID"), ("CR", "WindowWidth"), ("SC", "ConversionType"), ("SC", "Rows")],
)
def test_validator_misses_a_required_attribute(tmp_path, modality, keyword):
    ds = pydicom.dcmread(write(tmp_path / "a.dcm", modality=modality))
    del ds[keyword]
    ds.save_as(tmp_path / "b.dcm")
    code, lines = complaints(tmp_path / "b.dcm")
    assert code == 1
    assert any(line.startswith("Error") for line in lines)


@pytest.mark.parametrize("modality", ["CR", "SC"])
def test_says_that_it_is_synthetic(tmp_path, modality):
    ds = pydicom.dcmread(write(tmp_path / "a.dcm", modality=modality))
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
    uids = {i for x in (one, other) for i in (x.study_uid, x.series_uid, x.instance_uid)}
    assert len(uids) == 6
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


def test_levels_are_of_the_recipe_not_of_the_picture():
    assert quantise(np.array([-3, 0, 3], np.float32), 8).tolist() == [0, 128, 255]


def test_refuses_what_it_can_not_write(tmp_path):
    with pytest.raises(ValueError, match="finite"):
        quantise(np.array([np.nan], np.float32), 8)
    with pytest.raises(ValueError, match="as CT"):
        write(tmp_path / "a.dcm", modality="CT")
    for bad in (
        {"bits": 17},
        {"pixel_spacing_mm": -1.0},
        {"view_position": "XX"},
        {"contribution": "x" * 1025},
        {"sex": "f"},
        {"laterality": "B"},
    ):
        fields = {"body_part": "CHEST", "view_position": "PA", "pixel_spacing_mm": None, "bits": 12}
        fields |= {"series_description": "", "class_name": "", "contribution": ""}
        with pytest.raises(ValueError, match=r"."):
            ImageFacts(**(fields | bad))


def test_never_replaces_a_file(tmp_path):
    write(tmp_path / "a.dcm")
    with pytest.raises(FileExistsError):
        write(tmp_path / "a.dcm")
    assert os.listdir(tmp_path) == ["a.dcm"]
