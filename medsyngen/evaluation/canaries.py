"""Patients made up for an audit: each is in the cohort or not, by a coin that the attacker must guess."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.conditions import first_rows
from medsyngen.errors import UsageError
from medsyngen.phantoms.textures.power_law import power_law_field
from medsyngen.randomness import Streams
from medsyngen.scan import PatientKey, Pixels

LEAST_CANARIES = 8
DrawPhantoms = Callable[[int, np.random.Generator], Pixels]
"""(count, public randomness) -> float32 (count, 1, size, size) in [-1, 1]."""

_MARK = 0.3
"""Strength of a canary's own pattern. Of the marks tried on the shipped expert this gave gradients that are both long
(4 C) and easy to tell apart: a stronger mark makes them longer but alike, none leaves them shorter."""
_SMOOTH = np.float32(5.0)
"""Spectral exponent of the pattern: few broad waves, which survive the noise levels of the context band."""
_JITTER = 0.02


@dataclass(frozen=True, eq=False)
class Canaries:
    """The canary patients, their coins, and the cohort that results.

    Args:
        records: Every canary's record, in or out; the attacker knows them.
        others: Phantom patients who are always in; the attacker knows them, too.
        included: The coin of each canary, in the order of ``records``.
        choosing: Which half of the canaries the attack may be chosen on; it is judged on the others.
    """

    records: Mapping[PatientKey, PatientRecord]
    others: Mapping[PatientKey, PatientRecord]
    included: NDArray[np.bool_]
    choosing: NDArray[np.bool_]

    def cohort(self) -> Cohort:
        """Returns the cohort: all others, and the canaries whose coin says in."""
        there = {key: self.records[key] for key, is_in in zip(self.records, self.included, strict=True) if is_in}
        return Cohort({**self.others, **there})


def canaries_that_fit(patients_at_most: int, wanted: int) -> tuple[int, int]:
    """Returns how many canaries and how many other phantom patients an audit takes.

    All of them together are at most N_max, however the coins fall: a limit on those in would tie the coins together.

    Args:
        patients_at_most: N_max.
        wanted: Canaries, at most.

    Raises:
        UsageError: Too few patients or canaries for an audit.
    """
    others = min(8, patients_at_most // 5)
    count = min(wanted, patients_at_most - others)
    if count < LEAST_CANARIES:
        raise UsageError(
            f"{count} canary patients are too few to show anything",
            do=f"audit with at least {LEAST_CANARIES} canaries and patients_at_most of at least {LEAST_CANARIES + 2}",
        )
    return count - count % 2, others


def draw_canaries(
    draw_phantoms: DrawPhantoms,
    streams: Streams,
    *,
    count: int,
    others: int,
    classes: int | Sequence[int],
    scans: tuple[int, ...],
) -> Canaries:
    """Draws canaries, other patients, coins and halves from public, named streams.

    A canary is a phantom under a strong smooth pattern of its own. All scans of a canary are alike, so that its
    gradient hardly depends on which are chosen; the patterns of two canaries have nothing in common.

    Args:
        draw_phantoms: The recipe's phantoms.
        streams: Public randomness.
        count: Canaries; even.
        others: Other phantom patients.
        classes: Declared classes, dealt in turn; 0 for the null class only. Of several attributes the values of each.
        scans: Scans a canary, dealt in turn.
    """
    keys = [PatientKey(f"canary {number}", "medsyngen audit") for number in range(count)]
    images = _marked(draw_phantoms(count, streams.numpy("audit canaries")), streams.numpy("audit marks"))
    jitter = streams.numpy("audit jitter")
    records = {
        key: _record(_alike(image, scans[number % len(scans)], jitter), number, classes)
        for number, (key, image) in enumerate(zip(keys, images, strict=True))
    }
    return Canaries(
        records=records,
        others=_others(draw_phantoms, streams.numpy("audit others"), others, classes),
        included=streams.numpy("audit coins").random(count) < 0.5,
        choosing=streams.numpy("audit halves").permutation(count) < count // 2,
    )


def _marked(images: Pixels, rng: np.random.Generator) -> Pixels:
    exponent = np.full((len(images), 1, 1), _SMOOTH, np.float32)
    pattern = power_law_field(exponent, images.shape[-1], rng)[:, None]
    return np.clip(images + np.float32(_MARK) * pattern, -1, 1).astype(np.float32)


def _alike(image: Pixels, scans: int, rng: np.random.Generator) -> Pixels:
    noise = rng.standard_normal((scans, *image.shape), dtype=np.float32)
    return np.clip(image + np.float32(_JITTER) * noise, -1, 1).astype(np.float32)


def _record(pixels: Pixels, number: int, classes: int | Sequence[int]) -> PatientRecord:
    if isinstance(classes, int):
        return PatientRecord(pixels, np.full(len(pixels), number % max(1, classes), np.int64))
    rows = [first + number % count for first, count in zip(first_rows(classes), classes, strict=True)]
    return PatientRecord(pixels, np.tile(np.asarray(rows, np.int64), (len(pixels), 1)))


def _others(
    draw: DrawPhantoms, rng: np.random.Generator, count: int, classes: int | Sequence[int]
) -> dict[PatientKey, PatientRecord]:
    return {
        PatientKey(f"phantom {number}", "medsyngen audit"): _record(draw(1 + number % 3, rng), number, classes)
        for number in range(count)
    }
