"""Small cohorts, conditionings and classifiers for the tests of `evaluate`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from bench_pieces import cheap_features

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.evaluation.classifiers import CLASSIFIERS
from medsyngen.evaluation.described import DescribedImages
from medsyngen.evaluation.evaluating import EvaluationSettings
from medsyngen.scan import PatientKey
from medsyngen.synthesis.conditioning import Conditioning

SIZE = 16
CLASSES = Conditioning.of(("normal", "opacity"), (0.5, 0.5))
TWO = Conditioning(("finding", "sex"), (("normal", "opacity"), ("f", "m")), ((0.5, 0.5), (0.5, 0.5)))
LINEAR = tuple(replace(each, steps=30, learning_rate=1e-2) for each in CLASSIFIERS[:2])
SETTINGS = EvaluationSettings(seeds=1, judge=cheap_features, probe=cheap_features, classifiers=LINEAR)


def images(n: int, rng: np.random.Generator, values: np.ndarray, per_patient: int = 2) -> DescribedImages:
    """Noise whose mean tells the first value; patients differ by a tint of their own."""
    patients = (np.arange(n) // per_patient).astype(np.int64)
    tint = rng.normal(0, 0.1, patients.max() + 1)[patients] + 0.15 * (2 * values[:, 0] - 1)
    pixels = (rng.normal(0, 0.2, (n, 1, SIZE, SIZE)) + tint[:, None, None, None]).clip(-1, 1).astype(np.float32)
    return DescribedImages(pixels, values.astype(np.int64), patients)


def alternating(n: int, attributes: int = 1) -> np.ndarray:
    """Values 0, 1, 0, 1 in the first attribute, 0, 0, 1, 1 in the second."""
    return np.stack([np.arange(n) >> k & 1 for k in range(attributes)], axis=1)


def cohort_of(described: DescribedImages, prefix: str = "P") -> Cohort:
    """The same images as a cohort with one attribute."""
    records = {}
    for patient in np.unique(described.patients):
        own = described.patients == patient
        records[PatientKey(f"{prefix}{patient:04d}")] = PatientRecord(described.pixels[own], described.values[own, 0])
    return Cohort(records)
