"""Labelled phantoms: training that tells the network the class of each, and now and then none."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import Pixels

DrawLabelled = Callable[[int, np.random.Generator], tuple[Pixels, NDArray[np.int64]]]
"""(count, generator) -> phantoms and the class row of each, (count,); of several attributes (count, attributes)."""


def some_without(
    rows: NDArray[np.int64], nulls: Sequence[int], share: float, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Returns the rows, about ``share`` of them replaced by the null class, of all attributes at once.

    So the null row learns what all classes have in common, and a network asked for no class still draws one of them
    (Ho & Salimans 2022, arXiv 2207.12598).

    Args:
        rows: int64 (count,) or (count, attributes).
        nulls: Row of each attribute's null.
        share: In [0, 1].
        rng: Public randomness.
    """
    dropped = rng.random(len(rows)) < share
    none = np.asarray(nulls if rows.ndim > 1 else nulls[0], np.int64)
    return np.asarray(np.where(dropped[:, None] if rows.ndim > 1 else dropped, none, rows), np.int64)
