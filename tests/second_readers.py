"""Volumes as other programs read them: dcm2niix and SimpleITK, which share no code with ours."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest

from medsyngen.formats.canonical import to_ras
from medsyngen.formats.values import VolumeValues

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])


def need_dcm2niix() -> None:
    """Skips the test where the program is absent."""
    if shutil.which("dcm2niix") is None:
        pytest.skip("EXTERNAL: no dcm2niix here (apt-get install dcm2niix)")


def by_dcm2niix(files: Sequence[Path]) -> list[VolumeValues]:
    """Returns what dcm2niix makes of files, as if they were alone in a folder."""
    with tempfile.TemporaryDirectory() as place:
        scans, out = Path(place, "in"), Path(place, "out")
        scans.mkdir(), out.mkdir()
        for number, file in enumerate(files):
            shutil.copy(file, scans / f"{number}.dcm")
        command = ["dcm2niix", "-z", "n", "-b", "n", "-p", "n", "-o", str(out), str(scans)]
        subprocess.run(command, check=False, capture_output=True, timeout=60)
        images = [nibabel.load(path) for path in sorted(out.glob("*.nii"))]
        return [VolumeValues(_grey(image), image.affine) for image in images]


def _grey(image: nibabel.Nifti1Image) -> np.ndarray:
    if image.get_data_dtype().names is None:
        return image.get_fdata(dtype=np.float32)
    stored = np.asarray(image.dataobj)  # colours: their luminance
    return np.stack([stored[name] for name in "RGB"], -1).astype(np.float32) @ np.float32([0.299, 0.587, 0.114])


def by_simpleitk(files: Sequence[Path]) -> VolumeValues:
    """Returns what SimpleITK reads: one file, or the slices of a series in the order given."""
    itk = pytest.importorskip("SimpleITK")
    image = itk.ReadImage(str(files[0]) if len(files) == 1 else [str(file) for file in files])
    lps = np.eye(4)
    lps[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) @ np.diag(image.GetSpacing())
    lps[:3, 3] = image.GetOrigin()
    pixels = itk.GetArrayFromImage(image).astype(np.float32)
    if pixels.ndim == 4:  # colours: their luminance
        pixels = pixels @ np.float32([0.299, 0.587, 0.114])
    return VolumeValues(pixels.T, LPS_TO_RAS @ lps)


def difference(a: VolumeValues, b: VolumeValues) -> tuple[float, float]:
    """Returns the largest difference of values, as a share of the largest value, and of places of corners, in mm.

    Both are turned to the body's axes first; another shape is infinitely different.
    """
    one, two = to_ras(a), to_ras(b)
    if one.pixels.shape != two.pixels.shape:
        return np.inf, np.inf
    ends = [(0, length - 1) for length in one.pixels.shape]
    corners = np.stack([*map(np.ravel, np.meshgrid(*ends)), np.ones(8)])
    apart = np.linalg.norm((one.affine - two.affine) @ corners, axis=0).max()
    largest = max(1.0, float(np.abs(two.pixels).max()))
    return float(np.abs(one.pixels - two.pixels).max()) / largest, float(apart)
