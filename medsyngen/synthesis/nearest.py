"""Which synthetic images a scan is nearest to: exact, and the same whoever else is searched for, on any device."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Rows = NDArray[np.float32]

CHUNK = 1024
"""Rows of the queries at a time: bounds memory, changes no result."""


def nearest(
    queries: Rows, members: Rows, *, count: int = 1, device: torch.device = torch.device("cpu")
) -> NDArray[np.int64]:
    """Returns the ``count`` nearest members of each query by Euclidean distance, nearest first.

    Of members at the same distance the first in order is nearer. Distances of all pairs come from one matrix product,
    whose rounding may depend on where in a batch a row stands, and so on who else is searched for: then a patient who
    joins could tip another's vote, which the noise is not made for. So where the product leaves a doubt, within a bound
    of its rounding, all that may be among the nearest are compared by sums of squared differences, each pair alone, in
    one fixed order, on the CPU. Products are in float64, which no setting of the device makes coarser.

    Guarantee: the result of a row depends on that row and the members only, bit for bit, on every device.

    Args:
        queries: float32 (n, d), finite: features of scans, or of anything else.
        members: float32 (m, d), finite, m >= count.
        count: q, nearest members of each.
        device: Where to multiply.

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
    z = _on(members, device)
    squares = z.square().sum(1)
    for start in range(0, len(queries), CHUNK):
        part = queries[start : start + CHUNK]
        x = _on(part, device)
        near = torch.addmm(squares, x, z.T, alpha=-2)  # squared distances but for |x|^2, which all members have
        doubt = 4 * _rounding(x, squares)
        best, order = near.topk(min(count + 1, len(members)), largest=False)
        found[start : start + len(part)] = order[:, :count].cpu().numpy()
        unclear = (best.diff(dim=1) <= doubt[:, None]).any(1)
        may_be = near[unclear] <= (best[:, count - 1] + doubt)[unclear, None]
        for row, mask in zip(unclear.nonzero()[:, 0].tolist(), may_be.cpu().numpy(), strict=True):
            chosen = np.flatnonzero(mask)
            distances = _exact(part[row], members[chosen])
            found[start + row] = chosen[np.argsort(distances, kind="stable")[:count]]
    return found


def _on(rows: Rows, device: torch.device) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(rows)).to(device).double()


def _exact(x: Rows, members: Rows) -> NDArray[np.float64]:
    """Returns squared distances of one query, each a sum along a contiguous row of its own."""
    return np.array([np.square(x.astype(np.float64) - z).sum() for z in members])


def _rounding(x: Tensor, squares: Tensor) -> Tensor:
    """Returns how far |z|^2 - 2 x z as computed, and :func:`_exact`, may be from the true ones, whatever the order.

    A sum of d products is off by at most d u / (1 - d u) times the sum of their sizes (Higham 2002, section 3.1),
    u = 2^-53; a few roundings more are left room for. The sizes add up to at most (|x| + |z|)^2. If both distances of
    two members are off by s at most, then the product's order is the exact one where it sees more than 4 s between
    them, and none of the exact ``count`` nearest is seen more than 4 s behind the last of those it finds.
    """
    error = (x.shape[1] + 16) * 2.0**-53
    sizes: Tensor = (torch.linalg.vector_norm(x, dim=1) + squares.max().sqrt()).square()
    return sizes * (error / (1 - error))
