"""A loss small enough for exact answers, and cohorts to try it on."""

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.scan import PatientKey


class LinearLoss:
    """|W x - noise|^2 over two drawn scans: the gradient depends on record and stream."""

    def draw(self, record, stream):
        index = stream.choose(len(record.pixels), 1)[np.zeros(2, np.int64)]
        return {
            "x": torch.from_numpy(record.pixels[index]).flatten(1),
            "noise": torch.from_numpy(stream.normal((2, 3))).float(),
        }

    def __call__(self, parameters, drawn):
        out = drawn["x"] @ parameters["w"].T + parameters["b"]
        return ((out - drawn["noise"]) ** 2).mean()


def toy_weights(pixels: int = 4) -> dict[str, torch.Tensor]:
    return {"w": torch.full((3, pixels), 0.1), "b": torch.zeros(3)}


def toy_cohort(patients: int, seed: int = 0, scale: float = 1.0) -> Cohort:
    rng = np.random.default_rng(seed)
    records = {}
    for i in range(patients):
        n = int(rng.integers(1, 6))
        pixels = (scale * rng.uniform(-1, 1, (n, 1, 2, 2))).astype(np.float32)
        records[PatientKey(f"p{i:04d}")] = PatientRecord(pixels, np.zeros(n, np.int64))
    return Cohort(records)
