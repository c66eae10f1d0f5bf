"""A source of flat images, whose one parameter is brightness, and small cohorts that prefer some brightness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.randomness import Streams
from medsyngen.scan import PatientKey
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.conditioning import Conditioning
from medsyngen.synthesis.evolution import Evolution
from medsyngen.synthesis.selection import SELECTIONS
from medsyngen.synthesis.variation import Population
from medsyngen.synthesis.voters import Voters

SIZE = 4


@dataclass(frozen=True)
class Flat:
    """Images of one brightness, 2 place - 1; varying moves the place by at most the degree."""

    def at(self, places: np.ndarray, classes: np.ndarray) -> Population:
        pixels = np.broadcast_to((2 * places - 1)[:, :, None, None], (len(places), 1, SIZE, SIZE))
        return Population(pixels.astype(np.float32), classes, places)

    def random(self, count: int, label: int, rng: np.random.Generator) -> Population:
        return self.at(rng.random((count, 1)), np.full(count, label, np.int64))

    def vary(self, population: Population, degree: float, rng: np.random.Generator) -> Population:
        assert population.places is not None
        moved = population.places + rng.uniform(-degree, degree, population.places.shape)
        return self.at(np.clip(moved, 0, 1), population.classes)


def brightness(pixels: np.ndarray) -> np.ndarray:
    """The embedding: the mean."""
    return pixels.mean((1, 2, 3), dtype=np.float32)[:, None]


def patient(*scans: tuple[float, int]) -> PatientRecord:
    """A patient with scans of these (brightness, class)."""
    pixels = np.array([np.full((1, SIZE, SIZE), value) for value, _ in scans], np.float32)
    return PatientRecord(pixels, np.array([label for _, label in scans], np.int64))


def cohort(*patients: PatientRecord) -> Cohort:
    return Cohort({PatientKey(f"p{i:03d}"): record for i, record in enumerate(patients)})


NO_CLASS = Conditioning.of((), ())
TWO_CLASSES = Conditioning.of(("dark", "light"), (0.75, 0.25))


def evolution(of: Cohort, conditioning: Conditioning = NO_CLASS, **numbers) -> Evolution:
    cells = Cells(conditioning)
    usual = {
        "source": Flat(),
        "embed": brightness,
        "members": 40,
        "degrees": (0.3, 0.2, 0.1),
        "threshold": 0.0,
        "select": SELECTIONS["residual"],
        "lookahead": 0,
        "neighbours": 1,
        "streams": Streams(0),
    }
    embed = numbers.get("embed", brightness)
    return Evolution(**{**usual, "cells": cells, "voters": Voters.of(of, embed, cells), **numbers})
