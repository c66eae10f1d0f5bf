"""Phantoms around the members of an evolved population, rendered anew without end, each with its class."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.conditions import first_rows
from medsyngen.diffusion.labelled import some_without
from medsyngen.scan import Pixels
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.variation import Population, Variation


@dataclass(frozen=True, eq=False)
class EvolvedPhantoms:
    """A training set that has no end; post-processing of the noisy votes that chose its members.

    Args:
        population: Members of every class, with the places that they were rendered at.
        source: Renders them; knows no scan.
        cells: Classes and their public shares.
        degree: How far each phantom is varied from its member; at 0 it is rendered again where its member is.
        label_dropout: Share of phantoms that come with the null class.
    """

    population: Population = field(repr=False)
    source: Variation = field(repr=False)
    cells: Cells
    degree: float
    label_dropout: float

    def draw(self, count: int, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.int64]]:
        """Returns phantoms, classes by their public shares, and the class row of each; see :data:`DrawLabelled`."""
        shown = rng.choice(len(self.cells.shares), size=count, p=self.cells.shares)
        members = np.empty(count, np.int64)
        for cell in np.unique(shown):
            images = np.flatnonzero(shown == cell)
            members[images] = rng.choice(np.flatnonzero(self.population.classes == cell), size=len(images))
        phantoms = self.source.vary(self.population.take(members), self.degree, rng)
        nulls = self.cells.conditioning.nulls
        return np.clip(phantoms.pixels, -1, 1), some_without(self.rows(shown), nulls, self.label_dropout, rng)

    def rows(self, cells: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the class row of each cell, (count,); of several attributes (count, attributes)."""
        rows = self.cells.values[cells] + np.array(first_rows(self.cells.conditioning.counts), np.int64)
        return np.asarray(rows[:, 0] if rows.shape[1] == 1 else rows, np.int64)


@dataclass(frozen=True, eq=False)
class EvolvedDraws(PhantomDraws):
    """The same for the public gradients of a private step.

    Args:
        evolved: In place of phantoms whose classes are dealt.
    """

    evolved: EvolvedPhantoms

    def labelled(self, count: int, rng: np.random.Generator) -> tuple[Pixels, NDArray[np.int64]]:
        """Returns evolved phantoms with their own classes."""
        return self.evolved.draw(count, rng)
