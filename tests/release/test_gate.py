"""Every check of the gate is seen to refuse, and a clean draft to pass."""

import dataclasses
import math
import os

import pytest
from pydicom.dataset import Dataset

from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.gate import Release


def test_a_clean_draft_passes(cohort):
    release = cohort.review()
    assert set(release.files) == set(cohort.draft.files)
    assert len(release.files) == 3 + 3 + 5
    assert all(verdict.passed for verdict in release.verdicts)


def test_what_passes_says_nothing_about_the_identifiers(cohort):
    few, many = cohort.review(), cohort.review(identifiers=frozenset({f"patient {n}" for n in range(500)}))
    assert few.verdicts == many.verdicts


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("budget", {"epsilon": 8.1}),
        ("budget", {"epsilon": math.inf}),
        ("budget", {"epsilon": math.nan}),
        ("budget", {"epsilon": -1.0}),
        ("budget", {"delta": 1e-4}),
        ("unit", {"unit": "image"}),
        ("noise", {"seeded": True}),
        ("noise", {"not_private": True}),
        ("noise", {"seeded": None}),
        ("source identifiers", {"identifiers": None}),
    ],
)
def test_facts_that_refuse(cohort, check, changes):
    error = cohort.refusal(**changes)
    assert [line.split(":")[0] for line in error.details] == [check]
    assert "incident" not in error.what


def test_zero_is_within_any_budget(cohort):
    assert cohort.review(epsilon=0.0, delta=0.0)


def test_all_reasons_are_listed(cohort):
    error = cohort.refusal(epsilon=9.0, unit="image", seeded=True, identifiers=None)
    assert [line.split(":")[0] for line in error.details] == ["budget", "unit", "noise", "source identifiers"]
    assert all(";" in line for line in error.details)  # a remedy each


def foreign_element(ds):
    ds.InstitutionName = "X"


def private_element(ds):
    ds.private_block(0x0011, "MAKER", create=True).add_new(1, "LO", "X")


def nested_element(ds):
    ds.ContributingEquipmentSequence[0].InstitutionName = "X"


def shared_uid(ds):
    ds.SeriesInstanceUID = ds.StudyInstanceUID


def no_mark(ds):
    ds.SyntheticData = "NO"


def no_equipment(ds):
    del ds.ContributingEquipmentSequence


def real_date(ds):
    ds.StudyDate = "20240229"


def source_uid(ds):
    ds.StudyInstanceUID = "1.2.826.0.1.3680043.8.1"


def other_patient(ds):
    ds.PatientID = "SYN-GGGGGG-000003"


def polyglot(ds):
    ds.preamble = b"MZ".ljust(128, b"\0")


def overlay(ds):
    ds.add_new(0x60003000, "OW", b"\0\0")


def derivation(ds):
    item = Dataset()
    item.ReferencedSOPInstanceUID = "2.25.1"
    ds.SourceImageSequence = [item]


@pytest.mark.parametrize(
    "change",
    [
        foreign_element, private_element, nested_element, shared_uid, no_mark, no_equipment, real_date, source_uid,
        other_patient, polyglot, overlay, derivation,
    ],
)  # fmt: skip
def test_a_changed_dicom_file_is_refused(cohort, change):
    cohort.change_dicom(change)
    assert any(line.startswith("dicom marks: ") for line in cohort.refusal().details)


def test_bytes_behind_the_pixels_are_refused(cohort):
    cohort.append(cohort.dicom, b"hi")
    assert [line for line in cohort.refusal().details if line.startswith("dicom marks: picture 2 can't be checked")]


@pytest.mark.parametrize("kind", [b"tIME", b"eXIf", b"tEXt"])
def test_a_changed_png_file_is_refused(cohort, kind):
    cohort.add_chunk(kind, b"Anything")
    assert any(line.startswith("png marks: picture 2") for line in cohort.refusal().details)


@pytest.mark.parametrize("file", ["dicom/SYN-000002.dcm", "png/SYN-000002.png"])
def test_a_file_that_can_not_be_read_is_refused(cohort, file):
    path = cohort.folder / file
    path.write_bytes(path.read_bytes()[:-20])
    assert cohort.refusal()
    path.write_bytes(b"")
    assert any("can't be checked" in line for line in cohort.refusal().details)


def unlisted(cohort):
    (cohort.folder / "notes.json").write_bytes(b"{}")


def symlink(cohort):
    (cohort.folder / "png" / "SYN-000004.png").symlink_to(cohort.folder / cohort.png)


def replaced_by_symlink(cohort):
    (cohort.folder / cohort.png).rename(cohort.destination.parent / "elsewhere.png")
    (cohort.folder / cohort.png).symlink_to(cohort.destination.parent / "elsewhere.png")


def hard_link(cohort):
    os.link(cohort.folder / cohort.png, cohort.destination.parent / "elsewhere.png")


def missing(cohort):
    (cohort.folder / cohort.png).unlink()


def folder(cohort):
    (cohort.folder / "nifti").mkdir()


def pipe(cohort):
    os.mkfifo(cohort.folder / "pipe")


def manifest(cohort):
    (cohort.folder / "manifest.json").write_bytes(b"{}")


@pytest.mark.parametrize("change", [unlisted, symlink, replaced_by_symlink, hard_link, missing, folder, pipe, manifest])
def test_another_set_of_files_is_refused(cohort, change):
    change(cohort)
    assert any(line.startswith("files: ") for line in cohort.refusal().details)


def test_the_gate_does_not_take_the_writers_word(cohort):
    unlisted(cohort)
    (cohort.folder / "NOTES").write_bytes(b"")
    listed = dataclasses.replace(cohort.draft, files=(*cohort.draft.files, "NOTES", "notes.json"))
    assert cohort.refusal(draft=listed).details[0].startswith("files: 1 × files with a name")


@pytest.mark.parametrize(
    ("old", "new"), [("SYN-000002.dcm", "SYN-000003.dcm"), ("-000002,", "-000009,"), ("class", "diagnosis")]
)
def test_a_wrong_table_is_refused(cohort, old, new):
    path = cohort.folder / "cohort.csv"
    path.write_text(path.read_text().replace(old, new))
    assert "table" in [line.split(":")[0] for line in cohort.refusal().details]


def test_only_the_gate_makes_a_release(cohort):
    facts = GuaranteeFacts(1.0, 1e-6, "patient", seeded=False, not_private=False)
    with pytest.raises(TypeError, match="only the release gate"):
        Release(cohort.folder, {}, (), facts)
