"""Scans of twelve simulated patients, for whole runs."""

import numpy as np
import pytest

from medsyngen.simulation.hospital import simulate_images


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    """One file of 16 x 16 pixels: about thirty images with labels."""
    images, labels = simulate_images(12, 16, np.random.default_rng(0))
    owners = [f"P{i}" for i, scans in enumerate(images) for _ in scans]
    pixels = np.clip((np.concatenate(images)[:, 0] + 1) * 2000, 0, 4095).astype(np.uint16)
    path = tmp_path_factory.mktemp("scans") / "scans.npz"
    np.savez(path, images=pixels, patient_id=owners, label=np.concatenate(labels).astype(str))
    return path
