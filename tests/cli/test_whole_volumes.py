"""Whole volumes with label maps through the real commands: fit, report, export in every format, verify."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image

from tests.volume_pairs import ball, save, write_pairs

pytestmark = pytest.mark.slow  # a fit, and exports in every format
SIZE = (8, 8, 8)
SETTINGS = (
    "scans.size=[8, 8, 8]",
    "synthesis.network.channels=[8, 8]",
    "synthesis.network.attention=[false, true]",
    "synthesis.network.head_channels=8",
    "synthesis.public.steps=4",
    "synthesis.public.batch_size=4",
    "synthesis.private.steps=2",
    "synthesis.private.block=1",
    "synthesis.private.patients_per_step=6",
    "synthesis.subspace=3",
    "synthesis.sampler_steps=3",
)
OVERRIDES = [word for setting in SETTINGS for word in ("--set", setting)]


def fit(cli, scans, run, *more):
    arguments = ("--scans", scans, "--run", run, "--patients-at-most", "12", "--own-ledger", "a test", "--json")
    return cli("fit", "hippocampus-mr-3d", *arguments, *OVERRIDES, *more)


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    return write_pairs(tmp_path_factory.mktemp("volumes"), 10)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("fitted") / "run"


@pytest.fixture
def run(cli, scans, place):
    """Fitted once; the tests only read it."""
    if not place.exists():
        done = fit(cli, scans, place)
        assert done.code == 0, done.text
        assert (done.json["patients"], done.json["scans"], done.json["refusals"]) == (10, 10, [])
    return place


def test_volumes_and_their_maps_become_a_cohort(cli, run, tmp_path):
    cohort = tmp_path / "cohort"
    done = cli("export", run, "--out", cohort, "--count", "3", "--format", "nifti,dicom,png,npz,bids")
    assert done.code == 0, done.text
    checked = cli("verify", cohort)
    assert checked.code == 0, checked.text
    with (cohort / "cohort.csv").open() as table:
        rows = list(csv.DictReader(table))
    assert [row["labels"] for row in rows] == [f"labels/SYN-{n:06d}.nii.gz" for n in (1, 2, 3)]
    for row in rows:
        image, labels = nibabel.load(cohort / row["nifti"]), nibabel.load(cohort / row["labels"])
        assert image.shape == labels.shape == SIZE
        assert np.array_equal(image.affine, labels.affine)
        assert labels.header.get_intent()[0] == "label"
        assert set(np.unique(labels.get_fdata())) <= {0, 1, 2}
        assert len(list((cohort / row["dicom"]).glob("*.dcm"))) == 8
        with Image.open(cohort / row["png"]) as views:
            assert views.size == (24, 8)
    first = sorted((cohort / rows[0]["dicom"]).glob("*.dcm"))
    slices = np.stack([pydicom.dcmread(path).pixel_array for path in first])
    values = nibabel.load(cohort / rows[0]["nifti"]).get_fdata()
    assert np.array_equal(slices, values[::-1, ::-1].transpose(2, 1, 0))  # 12 bits in both
    readme = (cohort / "README.md").read_text()
    assert all(word in readme for word in ("`labels/`", "labels up to 2", "three planes", 'keys=["image", "label"]'))


def test_the_report_shows_planes_and_the_bands_of_so_many_voxels(cli, run):
    report = json.loads((run / "report.json").read_text())
    bands = {stage["name"]: stage for stage in report["stages"]}
    assert report["recipe"]["scans"]["size"] == [8, 8, 8]
    assert bands["context"]["sigma_high"] == pytest.approx(np.exp(2) * np.sqrt(512 / 784))
    with Image.open(run / "preview.png") as sheet:
        assert sheet.size[0] == (4 * 25 + 1) * 2  # four volumes of three planes a row


def test_what_is_refused_is_told(cli, scans, tmp_path):
    bad = write_pairs(tmp_path / "bad", 6)
    _, labels = ball(seed=1)
    (bad / "labelsTr" / "vol_000.nii.gz").unlink()
    save(bad / "labelsTr" / "vol_001.nii.gz", labels + 7)
    save(bad / "labelsTr" / "vol_002.nii.gz", labels[1:])
    save(bad / "labelsTr" / "vol_003.nii.gz", labels, affine=np.diag((1.0, 1.0, -1.0, 1.0)))
    save(bad / "labelsTr" / "vol_099.nii.gz", labels)
    done = fit(cli, bad, tmp_path / "run", "--set", "scans.max_skipped_share=0.3")  # so that pixels are looked at, too
    assert done.code == 4
    for reason in ("no-label-map", "label-map-values", "label-map-place", "label-map-alone"):
        assert reason in done.text
    assert done.text.count("label-map-place") == 2
    assert not [word for word in ("vol_00", "PAT-", "labelsTr/") if word in done.text]


def test_inspect_sees_what_fit_will_see(cli, scans, tmp_path):
    seen = cli("inspect", scans, "--recipe", "hippocampus-mr-3d", "--json")
    assert seen.code == 0, seen.text
    assert seen.json["files"] == {"found": 20, "accepted": 20, "refused": 0, "beside": 1}
    assert (seen.json["patients"], seen.json["scans"]) == (10, 10)


def test_evaluation_and_bundles_are_of_pictures(cli, run, scans, tmp_path):
    for words in (("evaluate", run, "--scans", scans), ("export", run, "--bundle", tmp_path / "b")):
        done = cli(*words)
        assert (done.code, "works on pictures only" in done.text) == (2, True), done.text


def test_pictures_are_no_volumes(cli, scans, tmp_path):
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "p.png")
    folder = write_pairs(tmp_path / "more", 4)
    Image.fromarray(np.arange(81, dtype=np.uint8).reshape(9, 9)).save(folder / "p.png")
    (folder / "labels.csv").write_text((folder / "labels.csv").read_text() + "\np.png,PAT-X")
    done = fit(cli, folder, tmp_path / "run")
    assert (done.code, "not-a-volume" in done.text) == (4, True)


def test_a_plan_tells_what_volumes_cost_and_proposes_no_method_of_pictures(cli):
    done = cli(
        "plan", "hippocampus-mr-3d", "--patients-at-most", "130", "--images-per-second", "6", "--json", *OVERRIDES
    )
    assert done.code == 0, done.text
    assert done.json["recommendation"]["recipe"] is None
    assert done.json["cost"]["parameters"] > 0
