import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.preflight import inspect_scans, round_up
from medsyngen.errors import InputUnusable

PIXELS = np.arange(16, dtype=np.uint16).reshape(4, 4)


def test_figures(hospital, make_dicom):
    make_dicom(hospital / "x", PIXELS, PatientID="PAT-000003", PhotometricInterpretation="MONOCHROME1", Modality="DX")
    (hospital / "bad.dcm").write_text("text")
    (hospital / "labels.csv").write_text("patient_id,label\nPAT-000003,1\n")
    told = inspect_scans(hospital)
    assert (told.patients, told.scans, told.suggested_patients_at_most) == (3, 7, 3)
    assert told.scans_per_patient == {"min": 1, "median": 2.0, "max": 4}
    assert told.modalities == {"CR": 6, "DX": 1}
    assert told.sizes == {"16 x 16": 6, "4 x 4": 1}
    assert told.bits == {"12": 7}
    assert told.photometric == {"MONOCHROME1": 1, "MONOCHROME2": 6}
    assert told.labels == {"(none)": 3, "1": 4}
    assert told.refused == {"not-dicom": 1}
    assert not told.findings
    text = json.dumps(told.to_json())
    assert "inside only" in text
    for secret in ("PAT-0", "Quintessa", "bad", "image_"):
        assert secret not in text


def found(folder, **given):
    return [(finding.severity, finding.what.split(";")[0]) for finding in inspect_scans(folder, **given).findings]


def test_one_id_for_all_blocks(tmp_path, make_dicom):
    make_dicom(tmp_path / "1", PIXELS)
    make_dicom(tmp_path / "2", PIXELS + 1)
    assert found(tmp_path) == [("blocks", "all 2 scans carry one patient ID: patients can't be told apart")]


def test_blank_ids_block_when_there_are_no_others(tmp_path, make_dicom):
    make_dicom(tmp_path / "1", PIXELS, PatientID="")
    assert found(tmp_path) == [
        ("blocks", "no scan says whose it is: the patient ID is blank or absent everywhere"),
        ("told", "1 scans have no patient ID"),
    ]
    make_dicom(tmp_path / "2", PIXELS, PatientID="A")
    assert found(tmp_path) == [("told", "1 scans have no patient ID")]


def test_doubts_about_the_unit_are_told(tmp_path, make_dicom):
    make_dicom(tmp_path / "1", PIXELS, PatientID="ab-1", SOPInstanceUID="1.2.3")
    make_dicom(tmp_path / "2", PIXELS, PatientID="AB 1", SOPInstanceUID="1.2.3")
    make_dicom(tmp_path / "3", PIXELS + 1, PatientID="AB 1", IssuerOfPatientID="HOSP")
    for index in range(51):
        make_dicom(tmp_path / "many" / str(index), PIXELS + 2 + index, PatientID="C")
    assert found(tmp_path) == [
        ("told", "1 groups of patient IDs differ only by case, spaces, punctuation, leading zeros or Unicode form"),
        ("told", "1 patient IDs come from several issuers, or with and without one, and count as one patient"),
        ("told", "1 patients have more than 50 scans"),
        ("told", "1 pictures stand, pixel for pixel, under more than one patient ID"),
        ("told", "1 SOP Instance UIDs stand under more than one patient ID"),
    ]


def test_nothing_there(tmp_path):
    with pytest.raises(InputUnusable):
        inspect_scans(tmp_path)


@given(st.integers(0, 10**7))
def test_rounding_up_keeps_two_digits(count):
    rounded = round_up(count)
    assert rounded >= count
    assert len(str(rounded).rstrip("0")) <= 2
    if count >= 10:
        assert rounded - count < 10 ** (len(str(count)) - 2)


@pytest.mark.slow
@pytest.mark.realdata
def test_real_radiographs(real_data):
    told = inspect_scans(real_data / "nih_cxr_dicom")
    assert (told.patients, told.scans, told.suggested_patients_at_most) == (264, 1000, 270)
    assert told.labels == {"0": 500, "1": 500}
    assert told.photometric["MONOCHROME1"] == 156
    assert [finding.what.split(";")[0] for finding in told.findings] == ["2 patients have more than 50 scans"]


@pytest.mark.slow
@pytest.mark.realdata
def test_a_real_picture_under_two_ids_is_told(real_data):
    """30 groups of equal pictures, 29 of them under one ID each."""
    findings = inspect_scans(real_data / "kermany_cxr64" / "kermany_cxr64.npz").findings
    assert [(finding.severity, finding.what.split(";")[0]) for finding in findings] == [
        ("told", "1 pictures stand, pixel for pixel, under more than one patient ID")
    ]


@pytest.mark.realdata
def test_a_broken_unit_is_told(real_data):
    blocking = inspect_scans(real_data / "dicom_multivendor_dev" / "failing").findings
    assert blocking[0].severity == "blocks"
