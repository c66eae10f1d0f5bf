"""The index on disk: what is unchanged is not opened again, what changed is, what is gone leaves no trace."""

import os
import shutil
import sqlite3
import stat
import time
import zipfile

import numpy as np
import pytest

from medsyngen.cohort import disk_index, reading_files
from medsyngen.cohort.file_facts import FileFacts, from_text, to_text
from medsyngen.cohort.header_words import Looks
from medsyngen.cohort.indexing import index_scans
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.walking import Kind
from medsyngen.errors import MedsyngenError
from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.refusal import ScanRefused

PIXELS = np.zeros((4, 4), np.uint16)


@pytest.fixture
def old(hospital):
    """A hospital whose files were last written an hour ago."""
    before = time.time() - 3600
    for path in hospital.rglob("*.dcm"):
        os.utime(path, (before, before))
    return hospital


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "index.sqlite"


def same(first, second):
    return (tuple(first.scans), first.refusals, set(first.texts), first.files) == (
        tuple(second.scans),
        second.refusals,
        set(second.texts),
        second.files,
    )


def test_a_second_run_opens_no_file_and_finds_the_same(old, kept, monkeypatch):
    (old / "bad.dcm").write_text("x")
    (old / "notes.txt").write_text("x")
    for name in ("bad.dcm", "notes.txt"):
        os.utime(old / name, (1, 1))
    first = index_scans(old, kept=kept)
    assert (first.read_now, first.files, first.side_files) == (8, 7, 1)
    monkeypatch.setattr(reading_files, "read_batch", None)
    again = index_scans(old, kept=kept)
    assert again.read_now == 0
    assert same(first, again)
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_without_an_index_the_same_is_found(old, kept):
    assert same(index_scans(old, kept=kept), index_scans(old))


def test_only_what_changed_is_read_again(old, kept, make_dicom):
    index_scans(old, kept=kept)
    path = next(old.rglob("*.dcm"))
    status = path.stat()
    make_dicom(path, np.ones((16, 16), np.uint16), PatientID="PAT-NEW-01")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # the time of modification is put back ...
    index = index_scans(old, kept=kept)  # ... the time of change can't be
    assert index.read_now == 1
    assert "PAT-NEW-01" in index.texts
    assert same(index, index_scans(old))


def test_a_file_that_changed_just_now_is_not_trusted(hospital, kept):
    assert index_scans(hospital, kept=kept).read_now == 6
    assert index_scans(hospital, kept=kept).read_now == 6


def test_what_is_gone_is_forgotten(old, kept):
    index_scans(old, kept=kept)
    assert b"PAT-000003" in kept.read_bytes()
    shutil.rmtree(old / "PAT-000003")
    index = index_scans(old, kept=kept)
    assert (index.read_now, index.files) == (0, 3)
    assert b"PAT-000003" not in kept.read_bytes()


def test_rules_are_applied_anew(old, kept):
    everything = index_scans(old, kept=kept)
    nobody = index_scans(old, modalities=["CT"], kept=kept)
    assert (len(everything.scans), len(nobody.scans), nobody.read_now) == (6, 0, 0)
    joined = index_scans(old, patient_map=PatientMap(by_id={"PAT-000001": "PAT-000002"}), kept=kept)
    assert (len({scan.patient for scan in joined.scans}), joined.read_now) == (2, 0)


def test_another_reader_reads_again(old, kept, monkeypatch):
    index_scans(old, kept=kept)
    monkeypatch.setattr(disk_index, "reader_version", lambda: "another")
    assert index_scans(old, kept=kept).read_now == 6


@pytest.mark.parametrize("damage", ["no database", "half", "a row"])
def test_a_damaged_index_is_made_anew(old, kept, damage):
    whole = index_scans(old, kept=kept)
    if damage == "no database":
        kept.write_bytes(b"x" * 5000)
    elif damage == "half":
        kept.write_bytes(kept.read_bytes()[:5000])
    else:
        with sqlite3.connect(kept) as database:
            database.execute("UPDATE file SET facts = '[\"dicom\"]'")
    assert same(index_scans(old, kept=kept), whole)


def test_an_index_that_cannot_be_written_says_so(old, tmp_path):
    with pytest.raises(MedsyngenError, match="index of the scans") as refused:
        index_scans(old, kept=tmp_path / "nowhere" / "index.sqlite")
    assert "nowhere" not in str(refused.value)


def test_what_was_read_before_an_interrupt_is_kept(old, kept):
    def interrupt(phase, done, total):
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index_scans(old, kept=kept, progress=interrupt)
    assert index_scans(old, kept=kept).read_now == 0


def test_members_of_an_archive_are_kept_too(old, kept, tmp_path):
    archive = tmp_path / "export.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sorted(old.rglob("*.dcm")):
            packed.write(path, path.relative_to(old).as_posix())
        packed.writestr("inner.zip", b"PK\x03\x04" + bytes(400))
    os.utime(archive, (1, 1))
    first = index_scans(archive, kept=kept)
    assert first.scans[0].locator == "export.zip!PAT-000001/image_0.dcm"
    assert {scan.patient for scan in first.scans} == {scan.patient for scan in index_scans(old).scans}
    assert [refusal.reason for refusal in first.refusals] == ["archive-nested"]
    again = index_scans(archive, kept=kept)
    assert (first.read_now, again.read_now) == (8, 0)
    assert same(first, again)


def test_a_name_that_is_no_text_is_kept(old, kept, make_dicom):
    odd = os.fsdecode(b"scan\xe9.dcm")
    path = make_dicom(old / odd, PIXELS)
    os.utime(path, (1, 1))
    index_scans(old, kept=kept)
    index = index_scans(old, kept=kept)
    assert (index.read_now, len(index.scans)) == (0, 7)


def test_one_file_that_ends_its_process_is_one_refusal(old, monkeypatch):
    calls = []

    def died(self, function, arguments):
        for argument in arguments:
            calls.append(argument)
            yield ScanRefused("reader-died")

    def one(self, function, argument):
        if "image_1" in argument[0][0]:
            raise ScanRefused("reader-died")
        return function(argument)

    monkeypatch.setattr(reading_files, "FEW_FILES", 0)
    monkeypatch.setattr(reading_files.ReadingWorkers, "imap", died)
    monkeypatch.setattr(reading_files.ReadingWorkers, "map_one", one)
    index = index_scans(old)
    assert (len(calls), len(index.scans)) == (1, 4)
    assert [refusal.reason for refusal in index.refusals] == ["reader-died"] * 2


@pytest.mark.parametrize("answer", [None, [], b"", b"[]", b"junk\n" * 11 + b"junk", b"\xff" * 6])
def test_an_answer_that_cannot_be_one_is_asked_again(old, monkeypatch, answer):
    monkeypatch.setattr(reading_files, "FEW_FILES", 0)
    monkeypatch.setattr(reading_files.ReadingWorkers, "imap", lambda *_: iter([answer]))
    monkeypatch.setattr(reading_files.ReadingWorkers, "map_one", lambda *_: answer)
    index = index_scans(old)
    assert [refusal.reason for refusal in index.refusals] == ["reader-died"] * 6


def test_processes_find_what_this_process_finds(old, monkeypatch):
    here = index_scans(old)
    monkeypatch.setattr(reading_files, "FEW_FILES", 0)
    assert same(here, index_scans(old))


def test_facts_come_back_from_text():
    plane = SliceGeometry((1.0, 2.0, 3.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.5, 0.5), None, "1.2")
    facts = FileFacts(
        Kind.DICOM, ("coloured", ""), "Ä\udce9", codes=(("PatientSex", "F"),), geometry=plane, looks=Looks("GE")
    )
    assert from_text(to_text(facts)) == facts
    assert from_text(to_text(FileFacts(Kind.SIDE))) == FileFacts(Kind.SIDE)
    for junk in ("", "[]", "{}", "[1]", to_text(facts).replace("coloured", "nonsense")):
        with pytest.raises(ValueError, match=r"."):
            from_text(junk)
