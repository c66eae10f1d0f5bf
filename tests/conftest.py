"""Fixtures that every test may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# Timings never decide a test; MEDSYNGEN_HYPOTHESIS=thorough searches longer.
settings.register_profile("quick", max_examples=20, deadline=None)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile(os.environ.get("MEDSYNGEN_HYPOTHESIS", "quick"))

ROOT = Path(__file__).resolve().parents[1]

sys.path.insert(0, str(Path(__file__).parent))  # helpers beside the tests: leaks.py
sys.path.append(str(ROOT / ".ci"))  # install/, also where pytest is not started as `python -m pytest`


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real scans, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("MEDSYNGEN_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"REALDATA: no folder of real scans at {folder.name} (set MEDSYNGEN_TEST_DATA)")
    return folder
