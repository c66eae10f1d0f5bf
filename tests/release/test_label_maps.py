"""Volumes with label maps: what is written, that the gate lets it pass, and what it refuses."""

from __future__ import annotations

import csv
import dataclasses
import subprocess

import nibabel
import numpy as np
import pytest
from cohorts import GIVEN, GUARANTEE, MR, VOLUME, program, review
from released import sound_report

from medsyngen.errors import ReleaseRefused, UsageError
from medsyngen.formats.label_codes import to_levels
from medsyngen.formats.nifti_write import gzipped
from medsyngen.release.draft import write_draft
from medsyngen.release.form import ReleaseForm
from medsyngen.synthesis.synthesizer import Draws

LABELS = np.random.default_rng(5).integers(0, 3, (len(GIVEN), *VOLUME))
FORM = ReleaseForm(**{**MR, "images_per_patient": 2})


def draws():
    images = np.random.default_rng(1).uniform(-1, 1, LABELS.shape).astype(np.float32)
    near = to_levels(LABELS, 3) + np.random.default_rng(2).uniform(-0.4, 0.4, LABELS.shape)  # never quite a level
    return Draws(np.stack([images, near.astype(np.float32)], axis=1), GIVEN)


def written(folder, formats=("nifti", "dicom", "png"), labels=3, images=None):
    folder.mkdir(parents=True)
    return write_draft(
        images or draws(),
        FORM,
        formats=formats,
        guarantee=GUARANTEE,
        report_files=sound_report(),
        folder=folder,
        classes=("opacity", "normal"),
        labels=labels,
    )


@pytest.mark.parametrize("formats", [("nifti", "dicom", "png", "npz", "bids"), ("dicom",)])
def test_maps_stand_beside_every_format_and_pass_the_gate(tmp_path, formats):
    draft = written(tmp_path / "cohort", formats)
    review(draft)
    with (draft.folder / "cohort.csv").open() as table:
        rows = list(csv.DictReader(table))
    for row, wanted in zip(rows, LABELS, strict=True):
        found = nibabel.load(draft.folder / row["labels"])
        assert found.get_data_dtype() == np.uint8
        assert (np.asarray(found.dataobj) == wanted).all()
        if "nifti" in formats:
            assert (found.affine == nibabel.load(draft.folder / row["nifti"]).affine).all()


def test_there_are_no_maps_where_none_were_drawn(tmp_path):
    images = Draws(draws().pixels[:, :1], GIVEN)
    draft = written(tmp_path / "cohort", labels=0, images=images)
    review(draft)
    assert not (draft.folder / "labels").exists()
    assert "labels" not in (draft.folder / "cohort.csv").read_text().splitlines()[0]


@pytest.mark.parametrize(("labels", "channels"), [(0, 2), (3, 1)])
def test_channels_that_nobody_declared_are_refused(tmp_path, labels, channels):
    with pytest.raises(UsageError, match="can't be exported"):
        written(tmp_path / "cohort", labels=labels, images=Draws(draws().pixels[:, :channels], GIVEN))


def changed(draft, change):
    """Replaces the bytes of the first map by what a change makes of them."""
    path = draft.folder / "labels" / "SYN-000001.nii.gz"
    path.write_bytes(change(bytearray(nibabel.load(path).to_bytes())))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: gzipped(bytes(data[:-1] + b"\x03")), "outside of the recipe's range"),
        (lambda data: gzipped(bytes(data[:148] + b"J" + data[149:])), "its header is not the one"),
        (lambda data: gzipped(bytes(data[:68] + b"\0\0" + data[70:])), "its header is not the one"),
        (lambda data: gzipped(bytes(data) + b"\0"), "SYN|another length|can't be checked"),
        (lambda data: bytes(data), "can't be checked"),
    ],
)
def test_a_map_that_says_anything_else_is_refused(tmp_path, change, words):
    draft = written(tmp_path / "cohort", ("nifti",))
    changed(draft, change)
    with pytest.raises(ReleaseRefused) as caught:
        review(draft)
    told = " ".join(caught.value.details)
    assert any(word in told for word in words.split("|")), told


def test_maps_that_are_missing_too_many_or_not_in_the_table_are_refused(tmp_path):
    for number, spoil in enumerate(
        (
            lambda folder: (folder / "labels" / "SYN-000002.nii.gz").unlink(),
            lambda folder: (folder / "labels" / "SYN-000009.nii.gz").write_bytes(b""),
            lambda folder: (folder / "cohort.csv").write_text(
                (folder / "cohort.csv").read_text().replace("labels/SYN-000001", "labels/SYN-000002")
            ),
        )
    ):
        draft = written(tmp_path / str(number), ("nifti",))
        spoil(draft.folder)
        with pytest.raises(ReleaseRefused):
            review(draft)
    draft = written(tmp_path / "told", ("nifti",))
    with pytest.raises(ReleaseRefused):
        review(dataclasses.replace(draft, labels=0))


def test_simpleitk_reads_series_image_and_map_as_one_geometry(tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    draft = written(tmp_path / "cohort")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(draft.folder / "dicom" / "SYN-000001")))
    series = reader.Execute()
    image, labels = (sitk.ReadImage(str(draft.folder / name / "SYN-000001.nii.gz")) for name in ("nifti", "labels"))
    assert np.allclose(image.GetOrigin(), labels.GetOrigin())
    assert image.GetDirection() == labels.GetDirection()
    assert np.allclose(image.GetSpacing(), series.GetSpacing())
    turned = sitk.DICOMOrient(image, "LPS"), sitk.DICOMOrient(series, "LPS")
    assert np.allclose(turned[0].GetOrigin(), turned[1].GetOrigin(), atol=1e-4)
    assert (sitk.GetArrayFromImage(turned[0]) == sitk.GetArrayFromImage(turned[1])).all()


def test_dciodvfy_finds_no_error_in_a_series(tmp_path):
    draft = written(tmp_path / "cohort", ("dicom",))
    first = sorted((draft.folder / "dicom" / "SYN-000001").glob("*.dcm"))[0]
    done = subprocess.run([program("dciodvfy"), "-new", first], capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr, done.stderr
