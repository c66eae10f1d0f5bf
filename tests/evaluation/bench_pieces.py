"""A small task of the open benchmark, on the simulated hospital, for the tests beside it and those of the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from medsyngen.cohort.labels import ClassDefinition
from medsyngen.evaluation.labelled import LabelledImages
from medsyngen.evaluation.tasks import Task
from medsyngen.simulation.hospital import simulate_images

SIZE = 16
PRIVATE, TEST, IN_BOTH = 40, 16, 3


def task(**changes) -> Task:
    """40 private and 16 test patients."""
    numbers = {
        "name": "small",
        "source": "npz",
        "split": "file",
        "size": SIZE,
        "classes": (ClassDefinition("normal", "0", 0.5), ClassDefinition("opacity", "1", 0.5)),
        "private_patients": PRIVATE,
        "test_patients": TEST,
        "patients_at_most": 50,
        "lists_sha256": "",
        "images": 40,
    }
    return Task(**{**numbers, **changes})


def simulated(patients: int, seed: int, size: int = SIZE) -> LabelledImages:
    """Radiographs of the simulated hospital."""
    pixels, labels = simulate_images(patients, size, np.random.default_rng(seed))
    owners = np.repeat(np.arange(patients), [len(each) for each in labels])
    return LabelledImages(np.concatenate(pixels), np.concatenate(labels), owners)


def write_set(path: Path) -> Path:
    """Writes the set of the task: three keys are in both splits, as in kermany."""
    images = simulated(PRIVATE + TEST, 0)
    split = np.where(images.patients < PRIVATE, "train", "test")
    for patient in range(IN_BOTH):
        split[np.flatnonzero(images.patients == patient)[-1]] = "test"
    # A patient with one image who says `test` would be a test patient.
    several = np.bincount(images.patients)[:IN_BOTH] > 1
    assert several.all()
    np.savez(
        path,
        images=np.rint((images.pixels[:, 0] + 1) * 127.5).astype(np.uint8),
        label=images.classes,
        patient_id=np.array([f"P{i:03d}" for i in images.patients]),
        split=split,
    )
    return path


def cheap_features(pixels):
    """Stands in for a network: fixed random directions of the pixels."""
    x = pixels.reshape(len(pixels), -1).astype(np.float64)
    return np.tanh(x @ np.random.default_rng(0).normal(size=(x.shape[1], 12)) / 4)
