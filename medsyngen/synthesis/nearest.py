"""Which synthetic images a scan is nearest to: exact, and the same whoever else is searched for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

CHUNK = 1024
"""Rows of the queries at a time: bounds memory, changes no result."""


def nearest(queries: Rows, members: Rows, *, count: int = 1) -> NDArray[np.int64]:
    """Returns the ``count`` nearest members of each query by Euclidean distance, nearest first.

    Of members at the same distance the first in order is nearer. Distances of all pairs come from one matrix product,
    whose rounding may depend on where in a batch a row stands, and so on who else is searched for: then a patient who
    joins could tip another's vote, which the noise is not made for. So the product only says who *may* be among the
    nearest, within a bound of its rounding; these few are compared by sums of squared differences in float64, each
    pair alone, in one fixed order.

    Guarantee: the result of a row depends on that row and the members only, bit for bit.

    Args:
        queries: float32 (n, d): features of scans, or of anything else.
        members: float32 (m, d), m >= count.
        count: q, nearest members of each.

    Returns:
        int64 (n, count).

    Raises:
        ValueError: There are fewer members than asked for, or the widths differ.
    """
    if not 1 <= count <= len(members) or queries.shape[1] != members.shape[1]:
        raise ValueError(
            f"{count} nearest of {len(members)} members can't be found, or widths {queries.shape[1]} and "
            f"{members.shape[1]} differ"
        )
    found = np.empty((len(queries), count), np.int64)
    squares = np.einsum("ij,ij->i", members, members, dtype=np.float64)
    for start in range(0, len(queries), CHUNK):
        part = queries[start : start + CHUNK]
        near = squares - 2.0 * (part @ members.T)  # but for |x|^2, which is the same for all members
        slack = _rounding(part, squares)
        last = np.partition(near, count - 1, axis=1)[:, count - 1]
        for row, (x, distances) in enumerate(zip(part, near, strict=True)):
            may_be = np.flatnonzero(distances <= last[row] + 2 * slack[row])
            found[start + row] = may_be[np.argsort(_exact(x, members[may_be]), kind="stable")[:count]]
    return found


def _exact(x: Rows, members: Rows) -> NDArray[np.float64]:
    """Returns squared distances of one query, each a sum along a contiguous row of its own."""
    return np.array([np.square(x.astype(np.float64) - z).sum() for z in members])


def _rounding(part: Rows, squares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns how far the computed |z|^2 - 2 x z of a row may be from the true one, for any order of the sums.

    A dot product of width d in float32 is off by at most d u |x| |z| / (1 - d u) (Higham 2002, section 3.1), u = 2^-24.
    """
    error = part.shape[1] * 2.0**-24
    norms = np.sqrt(np.einsum("ij,ij->i", part, part, dtype=np.float64))
    largest = float(squares.max())
    bound = 2.0 * error / (1 - error) * norms * largest**0.5 + 2.0**-40 * largest
    return np.asarray(2.0 * bound, np.float64)
