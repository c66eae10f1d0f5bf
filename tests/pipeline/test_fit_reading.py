"""What fit keeps of the scans while it works: their pixels lie in a file without a name, on the run folder's disk."""

from __future__ import annotations

import numpy as np

from medsyngen.pipeline.fit import _read
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.progress import silent
from medsyngen.recipe import load_recipe
from medsyngen.simulation.hospital import simulate_images


def test_pixels_are_mapped_from_a_nameless_file(tmp_path):
    images, labels = simulate_images(6, 16, np.random.default_rng(0))
    owners = [f"P{i}" for i, scans in enumerate(images) for _ in scans]
    pixels = np.clip((np.concatenate(images)[:, 0] + 1) * 2000, 0, 4095).astype(np.uint16)
    np.savez(tmp_path / "scans.npz", images=pixels, patient_id=owners, label=np.concatenate(labels).astype(str))
    recipe = load_recipe("smoke-16", patients_at_most=20)
    before = set(tmp_path.iterdir())
    reading = _read(recipe, tmp_path / "scans.npz", None, None, RunFolder(tmp_path / "run"), silent)
    record = next(iter(reading.cohort.values()))
    assert not record.pixels.flags.writeable
    base = record.pixels
    while isinstance(base.base, np.ndarray):
        base = base.base
    assert isinstance(base, np.memmap)
    assert set(tmp_path.iterdir()) == before
