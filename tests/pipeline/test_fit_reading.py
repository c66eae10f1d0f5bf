"""What fit keeps of the scans: pixels mapped from the run folder, found again, and gone if it refuses them."""

from __future__ import annotations

import stat

import numpy as np
import pytest

from medsyngen.cohort import reading as reading_module
from medsyngen.errors import InputUnusable
from medsyngen.pipeline.fit import _read
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.progress import silent
from medsyngen.recipe import load_recipe
from medsyngen.simulation.hospital import simulate_images


@pytest.fixture
def scans(tmp_path):
    images, labels = simulate_images(6, 16, np.random.default_rng(0))
    owners = [f"P{i}" for i, scans in enumerate(images) for _ in scans]
    pixels = np.clip((np.concatenate(images)[:, 0] + 1) * 2000, 0, 4095).astype(np.uint16)
    np.savez(tmp_path / "scans.npz", images=pixels, patient_id=owners, label=np.concatenate(labels).astype(str))
    return tmp_path / "scans.npz"


def test_pixels_are_mapped_and_a_second_reading_decodes_nothing(tmp_path, scans, monkeypatch):
    recipe, folder = load_recipe("smoke-16", patients_at_most=20), RunFolder(tmp_path / "run")
    first = _read(recipe, scans, None, None, folder, silent)
    record = next(iter(first.cohort.values()))
    assert not record.pixels.flags.writeable
    base = record.pixels
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert [p.name for p in folder.path.iterdir()] == ["private"]
    inside = [folder.private, *folder.private.rglob("*")]
    assert {stat.S_IMODE(p.stat().st_mode) & 0o077 for p in inside} == {0}

    def decoded(*_):
        raise AssertionError("a scan was decoded again")

    monkeypatch.setattr(reading_module, "_formed", decoded)
    second = _read(recipe, scans, None, None, folder, silent)
    for patient, mine in first.cohort.items():
        np.testing.assert_array_equal(mine.pixels, second.cohort[patient].pixels)


def test_scans_that_are_refused_leave_nothing_but_what_was_there(tmp_path, scans):
    recipe = load_recipe("smoke-16", patients_at_most=2)
    for there in (None, "run", "run/private"):
        if there:
            (tmp_path / there).mkdir()
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputUnusable, match="more patients"):
            _read(recipe, scans, None, None, RunFolder(tmp_path / "run"), silent)
        assert sorted(p for p in tmp_path.rglob("*") if p.name != "index.sqlite") == before
