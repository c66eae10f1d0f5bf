"""A second reading decodes only what changed, whatever else is different, and gives the very same cohort."""

import os
import zipfile

import numpy as np
import pytest
from nifti_maker import VOXELS, make_nifti

from medsyngen.cohort import reading
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.slices import Slices
from medsyngen.cohort.transforms import ScanForm
from medsyngen.simulation.hospital import simulate_hospital

pytestmark = pytest.mark.slow  # whole readings

FORM = ScanForm(modalities=("CR", "DX"), size=16, max_skipped_share=0.5)
CLASSES = (ClassDefinition("normal", "0", 0.5), ClassDefinition("other", "1", 0.5))


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Reads into one cache; tells the reading and how many scans were decoded."""
    decoded = []
    real = reading._formed
    monkeypatch.setattr(reading, "_formed", lambda answer, shape: decoded.append(1) or real(answer, shape))
    (tmp_path / "cache").mkdir()

    def run(scans, form=FORM, **more):
        decoded.clear()
        return read_cohort(scans, form=form, cache_folder=tmp_path / "cache", **more), len(decoded)

    return run


def assert_same(a, b):
    assert list(a.cohort) == list(b.cohort)
    for patient in a.cohort:
        np.testing.assert_array_equal(a.cohort[patient].pixels, b.cohort[patient].pixels)
        np.testing.assert_array_equal(a.cohort[patient].classes, b.cohort[patient].classes)
    assert (a.accepted, a.refusals, a.notices, a.identifiers) == (b.accepted, b.refusals, b.notices, b.identifiers)


def test_a_hospital(tmp_path, read):
    scans = tmp_path / "s"
    simulate_hospital(scans, patients=6, size=16, seed=3)
    files = sorted(scans.rglob("*.dcm"))
    data = files[3].read_bytes()
    files[3].write_bytes(data[: len(data) - 40])  # its header is whole, its pixels are not
    plain = read_cohort(scans, form=FORM, classes=CLASSES)
    first, decoded = read(scans, classes=CLASSES)
    assert_same(plain, first)
    second, again = read(scans, classes=CLASSES)
    assert_same(plain, second)
    assert (decoded > 5, again, len(first.refusals)) == (True, 0, 1)

    assert read(scans)[1] == 0  # without labels
    assert read(scans, ScanForm(modalities=("CR", "DX"), size=16, max_skipped_share=0.6))[1] == 0
    assert read(scans, ScanForm(modalities=("CR", "DX"), size=16, window=(0.0, 99.0), max_skipped_share=0.5))[1] > 5
    read(scans)

    files[3].write_bytes(data)  # mended: it, and nothing else, is decoded
    third, again = read(scans, classes=CLASSES)
    assert (again, third.refusals) == (1, ())
    assert_same(read_cohort(scans, form=FORM, classes=CLASSES), third)


def test_the_same_size_and_time_are_not_the_same_file(tmp_path, make_dicom, read):
    rng = np.random.default_rng(0)
    for patient in "AB":
        pixels = rng.integers(0, 4096, (16, 16)).astype(np.uint16)
        make_dicom(tmp_path / "s" / f"{patient}.dcm", pixels, PatientID=patient)
    path = tmp_path / "s" / "A.dcm"
    read(tmp_path / "s")
    before, times = path.read_bytes(), path.stat()
    path.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    changed, decoded = read(tmp_path / "s")
    assert decoded == 1
    assert_same(read_cohort(tmp_path / "s", form=FORM), changed)


def test_volumes_by_every_file_they_consist_of(tmp_path, read):
    form = ScanForm(size=8, window=(0.0, 200.0), slices=Slices("axial", 2))
    for number, patient in enumerate("AB"):
        make_nifti(tmp_path / "s" / patient / "1.hdr", VOXELS + number, version=3)
    table = ["path,patient_id,label", "A/1.hdr,A,0", "B/1.hdr,B,1"]
    (tmp_path / "s" / "labels.csv").write_text("\n".join(table))
    first, decoded = read(tmp_path / "s", form)
    assert (decoded, [len(record.pixels) for record in first.cohort.values()]) == (2, [3, 3])
    assert read(tmp_path / "s", form)[1] == 0
    voxels = tmp_path / "s" / "A" / "1.img"
    voxels.write_bytes(voxels.read_bytes()[::-1])
    assert read(tmp_path / "s", form)[1] == 1
    assert read(tmp_path / "s", ScanForm(size=8, window=(0.0, 200.0), slices=Slices("axial", 3)))[1] == 2


def test_members_of_an_archive(tmp_path, make_dicom, read):
    for patient in "AB":
        make_dicom(tmp_path / f"{patient}.dcm", np.eye(16, dtype=np.uint16) * ord(patient), PatientID=patient)
    with zipfile.ZipFile(tmp_path / "s.zip", "w") as archive:
        for patient in "AB":
            archive.write(tmp_path / f"{patient}.dcm", f"x/{patient}.dcm")
    first, decoded = read(tmp_path / "s.zip")
    second, again = read(tmp_path / "s.zip")
    assert (decoded, again) == (2, 0)
    assert_same(first, second)
