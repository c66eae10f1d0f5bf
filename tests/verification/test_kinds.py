"""Cohorts of every format and kind are verified; in each, a file without its mark is found."""

import gzip
import json
import shutil

import pytest
from released import release_cohort
from tampering import one_bit, seal

from medsyngen.release.form import ReleaseForm
from medsyngen.verification import epsilon_check
from medsyngen.verification.verify import verify

CT = {"modality": "CT", "pixel_spacing_mm": 0.7, "slice_spacing_mm": 2.5, "window": (-1000, 400)}
MR = {"modality": "MR", "pixel_spacing_mm": 0.7, "slice_spacing_mm": 2.5, "body_part": "BRAIN"}
KINDS = {
    "volumes of CT": ((6, 7, 3), ("dicom", "nifti", "npz"), CT),
    "volumes of MR": ((6, 7, 3), ("dicom", "nifti", "bids"), {**MR, "images_per_patient": 4, "studies_per_patient": 2}),
    "pictures": ((6, 7), ("dicom", "nifti", "png", "npz"), {"images_per_patient": 2}),
    "frames": ((6, 7, 3), ("dicom",), {"modality": "MFSC", "pixel_spacing_mm": 0.5, "bits": 16}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    def one(name):
        shape, formats, form = KINDS[name]
        folder = tmp_path_factory.mktemp("kinds")
        return release_cohort(folder, shape=shape, formats=formats, form=ReleaseForm(**form))

    return {name: one(name) for name in KINDS}


@pytest.mark.parametrize("name", KINDS)
def test_it_is_verified(made, name, monkeypatch):
    found = verify(made[name])
    assert found.failures == ()
    marks = next(finding.text for finding in found.findings if finding.check == "marks")
    manifest = json.loads((made[name] / "manifest.json").read_text())
    assert f"{sum(file.endswith('.dcm') for file in manifest['files'])} DICOM" in marks
    volumes = sum(file.endswith(".nii.gz") for file in manifest["files"])
    assert (f"{volumes} NIfTI" in marks) is bool(volumes)


def unmarked(path):
    data = bytearray(gzip.decompress(path.read_bytes()))
    data[148:228] = bytes(80)
    path.write_bytes(gzip.compress(bytes(data), mtime=0))


def test_a_volume_without_its_mark_is_found_in_a_dataset_too(made, tmp_path):
    for pattern in ("nifti/*.nii.gz", "bids/**/*.nii.gz"):
        copy = shutil.copytree(made["volumes of MR"], tmp_path / pattern[:4])
        unmarked(sorted(copy.glob(pattern))[0])
        seal(copy)
        assert {finding.check for finding in verify(copy).failures} == {"marks"}


def test_two_slices_that_change_places_between_series_are_found(made, tmp_path):
    copy = shutil.copytree(made["volumes of CT"], tmp_path / "copy")
    one, other = copy / "dicom/SYN-000001/0001.dcm", copy / "dicom/SYN-000002/0001.dcm"
    first = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(first)
    seal(copy)
    assert {finding.check for finding in verify(copy).failures} == {"table"}


def test_a_file_with_a_damaged_structure_is_found(made, tmp_path):
    copy = shutil.copytree(made["pictures"], tmp_path / "copy")
    for file in ("dicom/SYN-000001.dcm", "png/SYN-000001.png", "nifti/SYN-000001.nii.gz"):
        data = (copy / file).read_bytes()
        (copy / file).write_bytes(data[: len(data) // 2 if file.endswith("gz") else len(data) - 9])
    one_bit("README.md")(copy)
    seal(copy)
    found = [finding for finding in verify(copy).failures if finding.check == "marks"]
    assert {finding.text.split(":")[0] for finding in found} >= {"dicom/SYN-000001.dcm", "png/SYN-000001.png"}


def test_where_nothing_was_charged_the_word_of_the_releaser_is_named():
    report = {"ledger": {"run": "", "lines": []}, "guarantee": {"epsilon": 0.0, "delta": 0.0}}
    (finding,) = epsilon_check.epsilon_findings(report)
    assert finding.verdict == "holds"
    assert "rests on" in finding.text
