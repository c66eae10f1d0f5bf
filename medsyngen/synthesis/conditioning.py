"""The attributes of a cohort and their values as rows of one table of embeddings; how images are dealt to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from medsyngen.cohort.conditions import CLASS, Attribute, first_rows

Dealt = list[int] | list[tuple[int, ...]]
"""The row of each image; with several attributes one row of each."""


@dataclass(frozen=True)
class Conditioning:
    """Names, values and public shares of each attribute; at least one attribute, which may have no value.

    Args:
        names: Of the attributes.
        values: Names of each attribute's values; its null comes after them.
        shares: Public proportion of each value.
    """

    names: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    shares: tuple[tuple[float, ...], ...]

    @classmethod
    def of(cls, classes: Sequence[str], shares: Sequence[float], conditions: Sequence[Attribute] = ()) -> Conditioning:
        """Returns the conditions or, if there are none, the one attribute that classes are short for.

        Raises:
            ValueError: Both are given.
        """
        if not conditions:
            return cls((CLASS,), (tuple(classes),), (tuple(shares),))
        if classes:
            raise ValueError("classes are the short form of one condition: give them, or conditions")
        return cls(
            tuple(a.name for a in conditions),
            tuple(tuple(v.name for v in a.values) for a in conditions),
            tuple(tuple(v.share for v in a.values) for a in conditions),
        )

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of values of each attribute."""
        return tuple(len(values) for values in self.values)

    @property
    def rows(self) -> tuple[int, ...]:
        """Rows of each attribute in the table of embeddings: its values and its null."""
        return tuple(count + 1 for count in self.counts)

    @property
    def nulls(self) -> tuple[int, ...]:
        """The row of each attribute's null."""
        return tuple(start + count for start, count in zip(first_rows(self.counts), self.counts, strict=True))

    def deal(self, count: int) -> Dealt:
        """Returns the rows of each of ``count`` images; those of an image do not depend on how many are dealt."""
        if len(self.names) == 1:
            return deal_classes(count, self.shares[0])
        starts = first_rows(self.counts)
        dealt = deal_together(count, self.shares)
        return [tuple(start + value for start, value in zip(starts, values, strict=True)) for values in dealt]

    def columns(self, count: int) -> dict[str, tuple[str, ...]]:
        """Returns, for each attribute, the value of each of ``count`` images; "" for the null."""
        starts = first_rows(self.counts)
        rows = [(row,) if isinstance(row, int) else row for row in self.deal(count)]
        return {
            name: tuple((*values, "")[row[k] - starts[k]] for row in rows)
            for k, (name, values) in enumerate(zip(self.names, self.values, strict=True))
        }


def part_of(columns: Mapping[str, Sequence[str]], rows: range) -> dict[str, tuple[str, ...]]:
    """Returns the columns of some images, which are numbered without a gap."""
    return {name: tuple(values[rows.start : rows.stop]) for name, values in columns.items()}


def deal_classes(count: int, shares: Sequence[float]) -> list[int]:
    """Returns the class of each image, as even as the shares allow at every prefix; the null class (0) if none."""
    if not shares:
        return [0] * count
    given = np.zeros(len(shares))
    out = []
    for i in range(count):
        index = int(np.argmax(np.asarray(shares) * (i + 1) - given))
        given[index] += 1
        out.append(index)
    return out


def deal_together(count: int, shares: Sequence[Sequence[float]]) -> list[tuple[int, ...]]:
    """Returns the value of every attribute for each image: each as even as its shares allow, and independent.

    Every image goes to the combination of values that is owed most: what its values are owed, each in its own
    attribute, and what the combination is owed if attributes are independent (the product of the shares). So at every
    prefix neither an attribute's proportions nor those of the combinations are far from what was declared. Public and
    without randomness.

    Args:
        count: How many images.
        shares: Of the values of each attribute.
    """
    sizes = [len(each) for each in shares]
    cells = np.indices(sizes).reshape(len(sizes), -1)  # of each combination, the value of each attribute
    alone = [np.asarray(each, dtype=np.float64) for each in shares]
    together = np.prod([each[values] for each, values in zip(alone, cells, strict=True)], axis=0)
    given, given_alone = np.zeros(len(together)), [np.zeros(size) for size in sizes]
    out = []
    for i in range(1, count + 1):
        owed = together * i - given
        for each, had, values in zip(alone, given_alone, cells, strict=True):
            owed += (each * i - had)[values]
        cell = int(np.argmax(owed))
        given[cell] += 1
        for had, values in zip(given_alone, cells, strict=True):
            had[values[cell]] += 1
        out.append(tuple(int(values[cell]) for values in cells))
    return out
