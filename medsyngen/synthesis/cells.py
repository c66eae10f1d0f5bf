"""Classes as Private Evolution has them: one cell for each combination of declared values, each with its members."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.conditions import first_rows
from medsyngen.synthesis.conditioning import Conditioning


@dataclass(frozen=True)
class Cells:
    """Cells of the declared attributes, in order; one cell if nothing is declared. All of it is public.

    Args:
        conditioning: Attributes, their values and public shares.
    """

    conditioning: Conditioning

    @cached_property
    def values(self) -> NDArray[np.int64]:
        """int64 (cells, attributes): the number of each attribute's value."""
        counts = [max(1, count) for count in self.conditioning.counts]
        return np.indices(counts).reshape(len(counts), -1).T.astype(np.int64)

    @property
    def shares(self) -> NDArray[np.float64]:
        """Public share of each cell: the product of its values' shares, for attributes are independent."""
        shares = [np.asarray(each or (1.0,), np.float64) for each in self.conditioning.shares]
        product = np.prod([each[self.values[:, k]] for k, each in enumerate(shares)], axis=0)
        return np.asarray(product / product.sum(), np.float64)

    def sizes(self, members: int) -> list[int]:
        """Returns how many members each cell has: by shares (largest remainders), but at least one.

        So no scan is without a member to vote for, and the sum may be a little above ``members``.
        """
        wanted = members * self.shares
        sizes = np.floor(wanted).astype(np.int64)
        rest = members - int(sizes.sum())
        sizes[np.argsort(-(wanted - sizes), kind="stable")[:rest]] += 1
        return [max(1, int(size)) for size in sizes]

    def open_to(self, classes: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns which cells each scan votes in, bool (scans, cells).

        A scan votes in the cells whose values are its own; what is not known of it, the null, it leaves open.

        Args:
            classes: int64 (scans,) or (scans, attributes), as :class:`medsyngen.cohort.cohort.PatientRecord` has them.
        """
        rows = classes.reshape(len(classes), -1)
        counts = self.conditioning.counts
        values = rows - np.array(first_rows(counts), np.int64)
        unknown = values >= np.array(counts, np.int64)
        fits = unknown[:, None, :] | (values[:, None, :] == self.values[None])
        return np.asarray(fits.all(axis=2))

    def parts_in(self, classes: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns how much of a patient each scan is in each cell, float64 (scans, cells), in all 1.

        The scans count alike; one that is open to several cells is shared between them by their public shares.

        Args:
            classes: Of all scans of one patient, as for :meth:`open_to`.
        """
        parts = self.open_to(classes) * self.shares
        return np.asarray(parts / np.maximum(parts.sum(axis=1, keepdims=True), 1e-12) / len(classes))

    def weights(self, classes: Tensor) -> Tensor:
        """Returns how much each picture is of each cell, float64 (n, cells), by public shares where values are open.

        Args:
            classes: int64 class rows, (n,); of several attributes (n, attributes).
        """
        return torch.from_numpy(self.parts_in(classes.cpu().numpy()) * len(classes))

    def deal(self, count: int) -> NDArray[np.int64]:
        """Returns the cell of each of ``count`` images; that of an image does not depend on how many are dealt."""
        starts = first_rows(self.conditioning.counts)
        dealt = np.array(self.conditioning.deal(count), np.int64).reshape(count, len(starts)) - np.array(starts)
        sizes = [max(1, each) for each in self.conditioning.counts]
        steps = np.array([math.prod(sizes[k + 1 :]) for k in range(len(sizes))], np.int64)
        return np.asarray(dealt @ steps, np.int64)
