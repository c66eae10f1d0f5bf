"""Volumes through the real command: a recipe that takes slices, the hospital's table, a cohort at the end."""

from __future__ import annotations

import json
import shutil
from collections import Counter

import numpy as np
import pytest

from medsyngen.formats.nifti import read_nifti_header

SETTINGS = (
    "scans.modalities=[MR]",
    "scans.slices.plane=coronal",
    "scans.slices.every=16",
    "scans.window=per-scan",
    "classes=[]",
    "release.modality=SC",
    "synthesis.public.steps=3",
    "synthesis.private.steps=2",
    "synthesis.sampler_steps=2",
)
OVERRIDES = [word for setting in SETTINGS for word in ("--set", setting)]


def fit(cli, scans, run, *more):
    arguments = ("--scans", scans, "--run", run, "--patients-at-most", "40", "--own-ledger", "a test")
    return cli("fit", "smoke-16", *arguments, *OVERRIDES, *more)


@pytest.mark.slow
@pytest.mark.realdata
def test_nifti_volumes_become_a_cohort(cli, real_data, tmp_path):
    volumes = sorted((real_data / "msd_hippocampus_dev" / "imagesTr").glob("*.nii.gz"))[:6]
    scans, run = tmp_path / "scans", tmp_path / "run"
    scans.mkdir()
    rows, images = ["path,patient_id"], Counter()
    for number, volume in enumerate(volumes):
        shutil.copy(volume, scans)
        rows.append(f"{volume.name},HIP-{number // 2}")  # two of each patient
        images[number // 2] += len(range(8, read_nifti_header(volume).shape[1], 16))
    refused = fit(cli, scans, run)
    assert (refused.code, "whose it is" in refused.text, run.exists()) == (3, True, False)
    (scans / "labels.csv").write_text("\n".join(rows))
    done = fit(cli, scans, run, "--json")
    assert done.code == 0, done.text
    assert (done.json["patients"], done.json["scans"]) == (3, 6)
    assert json.loads((run / "private" / "reading.json").read_text())["unlabelled"] == sum(images.values())
    (pixels,) = (run / "private" / "cache").glob("*/pixels.npy")
    assert np.load(pixels, mmap_mode="r").shape == (sum(images.values()), 1, 16, 16)
    assert cli("export", run, "--out", tmp_path / "cohort", "--count", "2", "--format", "png").code == 0


@pytest.mark.slow
@pytest.mark.realdata
def test_series_of_slices_become_a_cohort(cli, real_data, tmp_path):
    run = tmp_path / "run"
    done = fit(cli, real_data / "dicom_mr_pgbm_dev", run, "--json")
    assert (done.code, done.json["patients"], done.json["scans"], done.json["refusals"]) == (0, 3, 4, [])
    assert not [word for word in ("PGBM", "Study", ".dcm") if word in done.text]
