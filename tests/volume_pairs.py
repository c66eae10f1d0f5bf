"""Small volumes with label maps as NIfTI files: made up, a bright ball of two halves in noise."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np


def ball(shape=(8, 10, 9), seed=0):
    """An image, float32, and its labels 0, 1 (front half) and 2, uint8."""
    rng = np.random.default_rng(seed)
    grid = np.stack(np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij"))
    own = np.hypot(np.hypot(grid[0], grid[1]), grid[2]) < 2.5 + seed % 2
    labels = np.where(own, np.where(grid[1] > 0, 1, 2), 0).astype(np.uint8)
    return (100 + 80 * own + rng.normal(0, 5, shape)).astype(np.float32), labels


def save(path: Path, values, spacing=(1.0, 1.0, 1.0), affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = np.diag((*spacing, 1.0)) if affine is None else affine
    nibabel.save(nibabel.Nifti1Image(values, matrix), path)


def write_pairs(folder: Path, count: int, shape=(8, 10, 9)) -> Path:
    """``imagesTr`` and ``labelsTr`` of so many patients; ``labels.csv`` says whose each volume is, nothing of maps."""
    rows = ["path,patient_id"]
    for number in range(count):
        image, labels = ball(shape, number)
        save(folder / "imagesTr" / f"vol_{number:03d}.nii.gz", image)
        save(folder / "labelsTr" / f"vol_{number:03d}.nii.gz", labels)
        rows.append(f"imagesTr/vol_{number:03d}.nii.gz,PAT-{number:05d}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return folder
