"""From means to phantoms that have them: places in the parameters' unit cube, weighed, drawn again and moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.progress import Progress, silent
from medsyngen.synthesis.portrait_reading import PublicBank
from medsyngen.synthesis.portrait_vector import PortraitMeans
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.tilting import check_share, tilted
from medsyngen.synthesis.variation import Population

Floats = NDArray[np.float64]

PHASE = "phantoms that resemble the portrait"


@dataclass(frozen=True)
class Retargeting:
    """Public numbers of the search for phantoms of given means.

    Each round weighs a bank of phantoms by maximum entropy (:func:`tilted`) until it has the means, or is as far on the
    way as its least effective share allows, and draws the next bank from it, each parameter moved by a part of its own
    spread: so what no phantom of the bank shows can be reached in some rounds.

    Args:
        bank: Phantoms of a round.
        rounds: How often they are drawn.
        bandwidth: Standard deviation of a move, as part of a parameter's spread in the bank.
        least_effective: Smallest effective share of a bank, in (0, 1).
        misfit: Variance of an entry that is never asked to be met better: what phantoms can't be.
    """

    bank: int = 4000
    rounds: int = 4
    bandwidth: float = 0.25
    least_effective: float = 0.05
    misfit: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("bank", "rounds", "bandwidth", "least_effective", "misfit"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)}")
        check_share(self.least_effective)

    def __call__(
        self,
        source: PhantomSimulator,
        bank: PublicBank,
        target: PortraitMeans,
        members: list[int],
        rng: np.random.Generator,
        *,
        progress: Progress = silent,
    ) -> Population:
        """Returns phantoms of each class whose numbers have the means; post-processing of a noised sum.

        Args:
            source: Renders them.
            bank: The first phantoms, and how pictures are read.
            target: Means and their noise.
            members: How many of each class are wanted.
            rng: Public randomness.
            progress: Told after each round.
        """
        places, weights = bank.places, self._weights(bank.numbers, target)
        for number in range(1, self.rounds):
            progress(PHASE, number, self.rounds)
            together = target.shares @ weights
            rows = rng.choice(len(places), self.bank, p=together / together.sum())
            places = moved(places[rows], self.bandwidth, rng)
            pictures = source.rendered(places, np.zeros(len(places), np.int64), rng).pixels
            weights = self._weights(bank.read(pictures), target)
        drawn = [rng.choice(len(places), count, p=own) for count, own in zip(members, weights, strict=True)]
        progress(PHASE, self.rounds, self.rounds)
        classes = np.repeat(np.arange(len(members), dtype=np.int64), members)
        return source.rendered(places[np.concatenate(drawn)], classes, rng)

    def _weights(self, numbers: Floats, target: PortraitMeans) -> Floats:
        return np.stack(
            [
                tilted(numbers, mean, float(variance) + self.misfit, least_effective=self.least_effective)
                for mean, variance in zip(target.means, target.variances, strict=True)
            ]
        )


def moved(places: Floats, bandwidth: float, rng: np.random.Generator) -> Floats:
    """Returns places moved by Gaussians of a part of each parameter's spread, reflected at the borders of the cube."""
    away = np.abs(places + bandwidth * places.std(axis=0) * rng.standard_normal(places.shape))
    return np.asarray(np.clip(1 - np.abs(1 - away), 0, 1))
