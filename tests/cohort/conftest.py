"""Makers of small invented files."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

_SPEC = importlib.util.spec_from_file_location("dicom_maker", Path(__file__).parents[1] / "formats" / "dicom_maker.py")
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)


@pytest.fixture(scope="session")
def make_dicom():
    """The function that writes one DICOM file."""
    return _MODULE.make_dicom


@pytest.fixture
def hospital(tmp_path, make_dicom):
    """A folder of three patients with 1, 2 and 3 radiographs, their pixels all different."""
    folder = tmp_path / "scans"
    number = 0
    for patient, count in (("PAT-000001", 1), ("PAT-000002", 2), ("PAT-000003", 3)):
        for index in range(count):
            number += 1
            pixels = np.full((16, 16), 100 * number, dtype=np.uint16)
            make_dicom(folder / patient / f"image_{index}.dcm", pixels, PatientID=patient)
    return folder
