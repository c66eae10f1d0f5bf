"""A cohort appears complete and passed, or not at all."""

import csv
import gc
import hashlib
import io
import json
import os
import stat
import time
import weakref

import numpy as np
import pydicom
import pytest

import medsyngen.release.names
import medsyngen.release.writers
from medsyngen.errors import ReleaseRefused, UsageError
from medsyngen.formats.dicom_write import quantise
from medsyngen.formats.png import read_png
from medsyngen.release.draft import write_draft
from medsyngen.release.export import drafting, publish, refuse_existing
from medsyngen.release.form import ReleaseForm
from medsyngen.synthesis.synthesizer import Draws

HASHES = {"ledger_head": (3, "ab" * 32), "recipe_hash": "cd" * 32}


def test_a_published_cohort_is_whole(cohort):
    drafts = sorted(cohort.destination.parent.iterdir())
    assert len(drafts) == 1
    assert drafts[0].name.startswith(".")
    assert stat.S_IMODE(drafts[0].stat().st_mode) == 0o700  # closed while it has not passed
    out = publish(cohort.review(), cohort.destination, **HASHES)
    manifest = json.loads((out / "manifest.json").read_bytes())
    found = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == found - {"manifest.json"} == set(cohort.draft.files)
    for name, entry in manifest["files"].items():
        data = (out / name).read_bytes()
        assert entry == {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    assert manifest["ledger_head"] == {"line": 3, "hash": "ab" * 32}
    assert {entry["verdict"] for entry in manifest["gate"]} == {"passed"}
    assert {"budget", "unit", "noise", "source identifiers"} <= {entry["check"] for entry in manifest["gate"]}
    assert stat.S_IMODE(out.stat().st_mode) == stat.S_IMODE((out / "dicom").stat().st_mode)


def test_nothing_hidden_stays_after_publishing(tmp_path):
    with drafting(tmp_path / "cohort") as folder:
        (folder / "a").write_bytes(b"")
        folder.rename(tmp_path / "cohort")
    assert os.listdir(tmp_path) == ["cohort"]


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_the_cohort_shows_the_draws(tmp_path, bits):
    pixels = np.random.default_rng(2).uniform(-1, 1, (4, 1, 6, 3)).astype(np.float32)
    classes = ("normal", "", 'a "quoted", class', "normal")
    with drafting(tmp_path / "cohort") as folder:
        write_draft(Draws(pixels, classes), ReleaseForm(bits=bits), guarantee="", report_files={}, folder=folder)
        rows = list(csv.DictReader(io.StringIO((folder / "cohort.csv").read_text(encoding="utf-8"))))
        for row, picture, class_name in zip(rows, pixels, classes, strict=True):
            ds = pydicom.dcmread(folder / row["dicom"])
            assert (ds.pixel_array == quantise(picture[0], bits)).all()
            step = 2 / (2 ** (8 if bits == 8 else 16) - 1)
            assert np.abs(read_png(folder / row["png"]) - picture[0]).max() <= 0.51 * step
            assert row["synthetic_patient_id"] == ds.PatientID
            assert row["class"] == class_name


def in_batches(pixels, classes, sizes):
    start = 0
    for size in sizes:
        yield Draws(pixels[start : start + size], classes[start : start + size])
        start += size


def test_batches_make_the_cohort_that_all_at_once_makes(tmp_path, monkeypatch):
    monkeypatch.setattr(medsyngen.release.names, "cohort_tag", lambda: "GHJKLM")
    pixels = np.random.default_rng(2).uniform(-1, 1, (7, 1, 6, 3)).astype(np.float32)
    classes = ("normal", "", 'a "quoted", class', "normal", "", "", "x")
    drafts, told = [], []
    for name, draws in (("whole", Draws(pixels, classes)), ("parts", in_batches(pixels, classes, (3, 1, 3)))):
        (tmp_path / name).mkdir()
        drafts.append(
            write_draft(
                draws,
                ReleaseForm(),
                guarantee="ε = 8",
                report_files={},
                folder=tmp_path / name,
                progress=lambda *said: told.append(said),
            )
        )
    whole, parts = drafts
    assert (whole.files, whole.count) == (parts.files, parts.count) == (whole.files, 7)
    assert told == [("writing the cohort", 7, 7)] * 2
    for file in whole.files:
        if file.endswith(".dcm"):  # its UIDs are new each time
            a, b = (pydicom.dcmread(draft.folder / file) for draft in drafts)
            assert (a.pixel_array == b.pixel_array).all()
            assert (a.PatientID, a.SeriesDescription) == (b.PatientID, b.SeriesDescription)
        else:
            assert (whole.folder / file).read_bytes() == (parts.folder / file).read_bytes()


def test_pictures_are_written_while_others_are_drawn(tmp_path):
    """Drawing waits until the batch before is on disk: a writer that waits for the last draw would never end."""
    seen = []

    def batches():
        for number in range(5):
            yield Draws(np.full((2, 1, 4, 4), number / 5, np.float32), ("", ""))
            for _ in range(500):
                seen.append(len(list((tmp_path / "png").glob("*.png"))))
                if seen[-1] == 2 * (number + 1):
                    break
                time.sleep(0.01)
            else:
                pytest.fail("nothing was written while drawing")

    draft = write_draft(batches(), ReleaseForm(), formats=("png",), guarantee="", report_files={}, folder=tmp_path)
    assert draft.count == seen[-1] == 10


def test_two_batches_are_in_memory_and_no_more(tmp_path):
    alive = weakref.WeakSet()
    most = []

    def batches():
        for number in range(6):
            draws = Draws(np.full((1, 1, 4, 4), number / 6, np.float32), ("",))
            alive.add(draws)
            gc.collect()
            most.append(len(alive))
            yield draws
            del draws

    write_draft(batches(), ReleaseForm(), formats=("png",), guarantee="", report_files={}, folder=tmp_path)
    assert max(most) <= 3  # one being written, one waiting for it, one just drawn


def test_an_error_while_drawing_leaves_nothing(tmp_path):
    def batches():
        yield Draws(np.zeros((2, 1, 4, 4), np.float32), ("", ""))
        raise MemoryError("no room to draw")

    with pytest.raises(MemoryError, match="no room"), drafting(tmp_path / "cohort") as folder:
        write_draft(batches(), ReleaseForm(), guarantee="", report_files={}, folder=folder)
    assert os.listdir(tmp_path) == []


def test_no_pictures_at_all_and_too_many_are_refused(tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="export 0"):
        write_draft(iter(()), ReleaseForm(), guarantee="", report_files={}, folder=tmp_path)
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(medsyngen.release.names, "MOST", 3)
    parts = in_batches(np.zeros((4, 1, 4, 4), np.float32), ("",) * 4, (2, 2))
    with pytest.raises(UsageError, match="export 4"):
        write_draft(parts, ReleaseForm(), guarantee="", report_files={}, folder=tmp_path)


def test_an_existing_destination_is_refused_before_anything_is_drawn(tmp_path):
    for there in (tmp_path / "folder", tmp_path / "link"):
        there.mkdir() if there.name == "folder" else there.symlink_to("nowhere")
        with pytest.raises(UsageError):
            refuse_existing(there)
        with pytest.raises(UsageError), drafting(there):
            pytest.fail("nothing may be drafted")
    assert sorted(os.listdir(tmp_path)) == ["folder", "link"]


def test_a_destination_that_came_meanwhile_is_left_alone(cohort):
    release = cohort.review()
    cohort.destination.mkdir()
    with pytest.raises(UsageError):
        publish(release, cohort.destination, **HASHES)
    assert list(cohort.destination.iterdir()) == []


def test_a_file_changed_after_the_gate_is_not_published(cohort):
    release = cohort.review()
    (cohort.folder / "README.md").write_bytes(b"changed")
    with pytest.raises(ReleaseRefused, match="not those that the gate read"):
        publish(release, cohort.destination, **HASHES)
    assert not cohort.destination.exists()


def test_no_free_text_enters_the_manifest(cohort):
    with pytest.raises(ValueError, match="hexadecimal"):
        publish(cohort.review(), cohort.destination, ledger_head=(0, "John Doe"), recipe_hash="")
    assert not cohort.destination.exists()


@pytest.mark.parametrize("crash", [OSError(28, "No space left on device"), KeyboardInterrupt(), MemoryError()])
def test_a_crash_while_writing_leaves_nothing(tmp_path, monkeypatch, crash):
    write, calls = medsyngen.release.writers.write_dicom, []

    def breaks(*arguments, **named):
        calls.append(1)
        if len(calls) == 3:
            raise crash
        write(*arguments, **named)

    monkeypatch.setattr(medsyngen.release.writers, "write_dicom", breaks)
    draws = Draws(np.zeros((4, 1, 2, 2), np.float32), ("",) * 4)
    with pytest.raises(type(crash)), drafting(tmp_path / "cohort") as folder:
        write_draft(draws, ReleaseForm(), guarantee="", report_files={}, folder=folder)
    assert len(calls) == 3
    assert os.listdir(tmp_path) == []


def test_a_crash_while_publishing_leaves_no_cohort(cohort, monkeypatch):
    release = cohort.review()

    def breaks(descriptor):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", breaks)
    with pytest.raises(OSError, match="Input/output"):
        publish(release, cohort.destination, **HASHES)
    assert not cohort.destination.exists()


def test_a_refusal_leaves_nothing(tmp_path):
    def refused():
        with drafting(tmp_path / "deep" / "cohort") as folder:
            (folder / "dicom").mkdir()
            raise ReleaseRefused("refused", do="nothing")

    with pytest.raises(ReleaseRefused):
        refused()
    assert os.listdir(tmp_path / "deep") == []


@pytest.mark.parametrize(
    ("pixels", "formats", "reports"),
    [
        ((2, 3, 4, 4), ("dicom",), ()),
        ((2, 1, 4, 4, 4), ("dicom",), ()),
        ((2, 1, 4, 4), ("bmp",), ()),
        ((2, 1, 4, 4), (), ()),
        ((2, 1, 4, 4), ("png",), ("../escape.json",)),
        ((2, 1, 4, 4), ("png",), ("manifest.json",)),
    ],
)
def test_what_can_not_be_written_is_said_first(tmp_path, pixels, formats, reports):
    draws = Draws(np.zeros(pixels, np.float32), ("",) * pixels[0])
    with pytest.raises(UsageError):
        write_draft(
            draws,
            ReleaseForm(),
            formats=formats,
            guarantee="",
            report_files=dict.fromkeys(reports, b""),
            folder=tmp_path,
        )
    assert os.listdir(tmp_path) == []


def test_two_cohorts_share_no_patient(tmp_path):
    ids = []
    for name in ("a", "b"):
        with drafting(tmp_path / name) as folder:
            draws = Draws(np.zeros((1, 1, 2, 2), np.float32), ("",))
            write_draft(draws, ReleaseForm(), formats=("dicom",), guarantee="", report_files={}, folder=folder)
            ids.append(pydicom.dcmread(folder / "dicom" / "SYN-000001.dcm").PatientID)
    assert ids[0] != ids[1]
