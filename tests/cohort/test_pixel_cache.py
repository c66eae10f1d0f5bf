"""A cohort in a file: the same as in memory, for its owner only, gone with the process, flat in memory."""

import os
import stat
import subprocess
import sys
import tempfile
import textwrap
import tracemalloc
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort import pixel_cache
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.cohort.pixel_cache import cohort_from, existing_folder
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.transforms import ScanForm
from medsyngen.errors import MedsyngenError
from medsyngen.scan import PatientKey
from medsyngen.simulation.hospital import simulate_hospital


def scans(owners, side=4):
    """One scan for each owner; every picture is told apart by its number."""
    return [(PatientKey(f"p{o}"), np.full((1, side, side), i / 100, np.float32), i % 3) for i, o in enumerate(owners)]


def rooms(given, more=0):
    return {patient: count + more for patient, count in Counter(patient for patient, _, _ in given).items()}


def assert_same(a, b):
    assert list(a) == list(b)
    for patient in a:
        np.testing.assert_array_equal(a[patient].pixels, b[patient].pixels)
        np.testing.assert_array_equal(a[patient].classes, b[patient].classes)


@given(st.lists(st.integers(0, 5), max_size=30), st.integers(0, 2))
def test_in_a_file_it_is_what_it_is_in_memory(tmp_path_factory, owners, more):
    given = scans(owners)  # in any order, and some that were indexed could not be read
    in_memory = cohort_from(iter(given), rooms=rooms(given, more), folder=None)
    in_file = cohort_from(iter(given), rooms=rooms(given, more), folder=tmp_path_factory.mktemp("cache"))
    assert_same(in_memory, in_file)
    assert list(in_file) == sorted(rooms(given))
    for patient in in_file:
        theirs = [image for owner, image, _ in given if owner == patient]
        np.testing.assert_array_equal(in_file[patient].pixels, np.stack(theirs))


def test_training_can_take_scans_of_it_and_nobody_can_write_to_it(tmp_path):
    given = scans([0, 1, 0, 0])
    record = cohort_from(given, rooms=rooms(given), folder=tmp_path)[PatientKey("p0")]
    assert torch.from_numpy(record.pixels[np.array([2, 0])]).flatten(1)[:, 0].tolist() == pytest.approx([0.03, 0.0])
    with pytest.raises(ValueError, match="read-only"):
        record.pixels[0] = 0


def test_reading_a_hospital_into_a_file_changes_nothing(tmp_path):
    simulate_hospital(tmp_path / "s", patients=12, size=16, seed=3)
    broken = sorted((tmp_path / "s").rglob("*.dcm"))[3]
    data = bytearray(broken.read_bytes())
    broken.write_bytes(bytes(data[: len(data) - 40]))  # its header is whole, its pixels are not
    form = ScanForm(modalities=("CR", "DX"), size=16, max_skipped_share=0.5)
    classes = (ClassDefinition("normal", "0", 0.5), ClassDefinition("other", "1", 0.5))
    (tmp_path / "cache").mkdir()
    plain = read_cohort(tmp_path / "s", form=form, classes=classes)
    cached = read_cohort(tmp_path / "s", form=form, classes=classes, cache_folder=tmp_path / "cache")
    assert_same(plain.cohort, cached.cohort)
    assert (plain.accepted, plain.refusals, plain.unlabelled, plain.notices, plain.identifiers) == (
        cached.accepted,
        cached.refusals,
        cached.unlabelled,
        cached.notices,
        cached.identifiers,
    )
    assert len(plain.refusals) == 1


def test_the_file_is_the_owners_only_and_has_no_name(tmp_path, monkeypatch):
    made, real = [], tempfile.TemporaryFile

    def watched(**more):
        made.append(real(**more))
        return made[0]

    def stream():
        for scan in scans([0, 1, 2]):
            yield scan
            status = os.fstat(made[0].fileno())
            assert stat.S_IMODE(status.st_mode) == 0o600
            assert status.st_nlink == 0
            assert os.listdir(tmp_path) == []

    monkeypatch.setattr(tempfile, "TemporaryFile", watched)
    cohort_from(stream(), rooms=rooms(scans([0, 1, 2])), folder=tmp_path)
    assert len(made) == 1


def test_a_killed_process_leaves_nothing(tmp_path):
    code = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        import numpy as np
        from medsyngen.cohort.pixel_cache import cohort_from
        from medsyngen.scan import PatientKey
        def stream():
            for i in range(9):
                yield PatientKey(f"p{i}"), np.zeros((1, 64, 64), np.float32), 0
                if i == int(sys.argv[2]):
                    os.kill(os.getpid(), signal.SIGKILL)
        cohort = cohort_from(stream(), rooms={PatientKey(f"p{i}"): 1 for i in range(9)}, folder=Path(sys.argv[1]))
        os.kill(os.getpid(), signal.SIGKILL)  # or while training
    """)
    for last in (4, 99):
        done = subprocess.run([sys.executable, "-c", code, str(tmp_path), str(last)], capture_output=True, text=True)
        assert done.returncode == -9, done.stderr
        assert os.listdir(tmp_path) == []


def peak(count: int, folder) -> int:
    owners = [PatientKey(f"p{i // 2}") for i in range(count)]
    stream = ((owner, np.full((1, 64, 64), i, np.float32), 0) for i, owner in enumerate(owners))
    tracemalloc.start()
    try:
        cohort = cohort_from(stream, rooms=Counter(owners), folder=folder)
        assert sum(float(cohort[p].pixels[np.array([0, 1])].mean()) for p in cohort) > 0
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_pixels(tmp_path):
    more = (5000 - 200) * 64 * 64 * 4
    assert peak(5000, tmp_path) - peak(200, tmp_path) < 0.05 * more  # keys and classes
    assert peak(5000, None) - peak(200, None) > 0.9 * more  # the same scans in memory: the measure can fail


@pytest.mark.parametrize("fault", ["room", "write", "folder"])
def test_a_full_disk_is_told_without_any_path(tmp_path, monkeypatch, fault):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "secret/path")

    folder = tmp_path
    if fault == "room":
        monkeypatch.setattr(pixel_cache, "_reserve", full)
    elif fault == "write":
        monkeypatch.setattr(np, "memmap", full)
    else:
        folder = tmp_path / "secret"
    with pytest.raises(MedsyngenError, match="nothing was charged") as caught:
        cohort_from(scans([0]), rooms=rooms(scans([0])), folder=folder)
    assert "secret" not in f"{caught.value.what} {caught.value.do} {caught.value.details}"


def test_errors_of_the_source_pass_as_they_are(tmp_path):
    def stream():
        yield scans([0])[0]
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output"):
        cohort_from(stream(), rooms={PatientKey("p0"): 2}, folder=tmp_path)


@pytest.mark.parametrize("wrong", ["shape", "kind", "room"])
def test_what_does_not_fit_is_refused(tmp_path, wrong):
    given = scans([0, 0])
    patient, image, label = given[1]
    given[1] = (patient, {"shape": image[:, :2], "kind": image.astype(np.float64), "room": image}[wrong], label)
    with pytest.raises(ValueError, match="one shape"):
        cohort_from(given, rooms={patient: 1 if wrong == "room" else 2}, folder=tmp_path)


def test_the_nearest_folder_that_exists(tmp_path, monkeypatch):
    assert existing_folder(tmp_path / "run" / "private") == tmp_path
    (tmp_path / "run").mkdir()
    assert existing_folder(tmp_path / "run" / "private") == tmp_path / "run"
    monkeypatch.chdir(tmp_path)
    assert existing_folder(existing_folder(tmp_path)) == tmp_path
