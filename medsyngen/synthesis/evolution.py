"""One evolution of a population: what the patients see of it, whom they vote for, and who lives on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.privacy.votes import Nearest
from medsyngen.randomness import Streams
from medsyngen.scan import PatientKey
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.nearest import Rows
from medsyngen.synthesis.population_tensors import from_tensors, joined, to_tensors
from medsyngen.synthesis.selection import Select
from medsyngen.synthesis.variation import Population, Variation
from medsyngen.synthesis.voters import Electorate, Embed, finite


@dataclass(frozen=True, eq=False)
class Evolution:
    """The rule by which votes change a population; see :class:`medsyngen.privacy.vote_rounds.Election`.

    Args:
        source: Makes and varies images; knows no scan.
        embed: Where distances are measured.
        cells: Classes; populations of different cells never mix.
        voters: The cohort's features; private.
        members: Size of the population, over all cells.
        degrees: How far members are varied in each round; as many as there are rounds.
        threshold: H, in votes.
        select: Who lives on, within a cell.
        lookahead: k: a member's features are the mean over k variations of it; 0 takes the member itself.
        neighbours: q: members that each scan votes for.
        streams: Public randomness.
    """

    source: Variation
    embed: Embed
    cells: Cells
    voters: Electorate = field(repr=False)
    members: int
    degrees: tuple[float, ...]
    threshold: float
    select: Select
    lookahead: int
    neighbours: int
    streams: Streams

    @property
    def rounds(self) -> int:
        """T."""
        return len(self.degrees)

    def first(self) -> dict[str, Tensor]:
        """Returns random images, each cell's share of them at least one."""
        rng = self.streams.numpy("first population")
        sizes = self.cells.sizes(self.members)
        return to_tensors(joined([self.source.random(size, cell, rng) for cell, size in enumerate(sizes)]))

    def candidates(self, number: int, state: Mapping[str, Tensor]) -> tuple[Rows, NDArray[np.int64]]:
        """Returns what the members look like to the scans, (members, d), and their cells.

        With lookahead a member is judged by its variations of this round's degree, for they are what would live on
        (arXiv 2305.15560, appendix on lookahead).
        """
        population = from_tensors(state)
        if not self.lookahead:
            return finite(self.embed(population.pixels)), population.classes
        rngs = [self.streams.numpy(f"lookahead of round {number}", k) for k in range(self.lookahead)]
        varied = (self.source.vary(population, self.degrees[number], rng) for rng in rngs)
        total = sum(finite(self.embed(each.pixels)).astype(np.float64) for each in varied)
        return np.asarray(total / self.lookahead, np.float32), population.classes

    def ballots(self, candidates: tuple[Rows, NDArray[np.int64]]) -> tuple[Mapping[PatientKey, Nearest], int]:
        """Returns for each patient the members nearest to its scans, and the number of members."""
        seen, cells = candidates
        return self.voters.ballots(seen, cells, neighbours=self.neighbours), len(cells)

    def elected(self, number: int, state: Mapping[str, Tensor], noisy: NDArray[np.float64]) -> dict[str, Tensor]:
        """Returns the next population: members chosen by noisy votes, varied by this round's degree.

        After the last round they stay as they are: whoever draws images varies them then, each image anew.
        """
        population, rng = from_tensors(state), self.streams.numpy("selection", number)
        kept = [
            rows[self.select(noisy[rows], self.threshold, rng)]
            for rows in (np.flatnonzero(population.classes == cell) for cell in range(len(self.cells.values)))
        ]
        chosen = population.take(np.concatenate(kept))
        if number + 1 < self.rounds:
            chosen = self.source.vary(chosen, self.degrees[number], self.streams.numpy("variation", number))
        return to_tensors(chosen)

    def rehearse(self) -> None:
        """Varies a few random images, so that a source that can't is found out before anything is charged."""
        rng = self.streams.numpy("rehearsal of the source")
        varied = self.source.vary(self.source.random(2, 0, rng), self.degrees[0], rng)
        finite(self.embed(varied.pixels))


def drawn_from(population: Population, cells: NDArray[np.int64], streams: Streams) -> NDArray[np.int64]:
    """Returns the member that each image is drawn from: those of its cell in a random order, and again from the start.

    Image i has the same member whatever number is drawn, and every member of a cell is used once before any is again.

    Args:
        population: Of all cells; at least one member in each that is asked for.
        cells: int64 (images,): the cell of each image.
        streams: Public randomness.
    """
    members = np.empty(len(cells), np.int64)
    for cell in np.unique(cells):
        images = np.flatnonzero(cells == cell)
        order = streams.numpy("order of the members", int(cell)).permutation(np.flatnonzero(population.classes == cell))
        members[images] = order[np.arange(len(images)) % len(order)]
    return members
