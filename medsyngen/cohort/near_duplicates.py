"""Pictures that look nearly the same under different patient IDs: advice, never acted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from medsyngen.scan import PatientKey

MOST_BITS: Final = 10
"""Two pictures are nearly the same if at most so many of their 256 bits differ."""
_BANDS: Final = MOST_BITS + 1  # one of them is untouched by so few bits: only pictures that share a band are compared
_FEW_BITS: Final = 24  # set or unset: a picture with so little structure resembles any other such
_CROWD: Final = 400  # more pictures than this in a band share a layout, not a patient


def near_duplicates(likeness: NDArray[np.uint8], patients: Sequence[PatientKey], digests: Sequence[bytes]) -> int:
    """Counts pairs of pictures that look nearly the same, stand under different patients, and differ in a pixel.

    Args:
        likeness: uint8, (n, 32), of :func:`medsyngen.cohort.looking.likeness_of`.
        patients: Whose each is.
        digests: Of the pixels of each: equal pixels are counted elsewhere.
    """
    keys = {key: number for number, key in enumerate(dict.fromkeys(patients))}
    owner = np.array([keys[key] for key in patients], dtype=np.int64)
    pairs: set[tuple[int, int]] = set()
    for first, second in _candidates(likeness):
        differing = np.bitwise_count(likeness[first] ^ likeness[second]).sum(axis=1)
        close = (differing <= MOST_BITS) & (owner[first] != owner[second])
        pairs.update(zip(first[close].tolist(), second[close].tolist(), strict=True))
    return sum(digests[a] != digests[b] for a, b in pairs)


def _candidates(likeness: NDArray[np.uint8]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    bits = np.unpackbits(likeness, axis=1)
    ones = bits.sum(axis=1)
    usable = np.flatnonzero((ones >= _FEW_BITS) & (ones <= bits.shape[1] - _FEW_BITS))
    for band in np.array_split(np.arange(bits.shape[1]), _BANDS):
        words = bits[usable][:, band].astype(np.int64) @ (1 << np.arange(len(band), dtype=np.int64))
        order = np.argsort(words, kind="stable")
        edges = np.flatnonzero(np.diff(words[order])) + 1
        for group in np.split(usable[order], edges):
            if 2 <= len(group) <= _CROWD:
                upper, lower = np.triu_indices(len(group), 1)
                members = np.sort(group)
                yield members[upper], members[lower]
