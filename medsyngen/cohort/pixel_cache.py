"""A cohort whose pixels lie in a file: memory does not grow with the scans, and no scan is decoded twice.

*Guarantee.* What lies on the disk are private pixels: below ``RUN/private/cache`` (0700, files 0600), in the recipe's
form, float32 as in memory, so that training computes the same bits. There is one copy of them: each reading that ends
well removes what earlier ones left. Removing the folder costs nothing but decoding again.

A reading writes a generation of its own (:mod:`medsyngen.cohort.kept_pixels`) and takes over from earlier ones, an
interrupted one among them, the scans whose files and form are the same. If all are, and in the same order, the earlier
one is mapped as it is and nothing is written.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

import numpy as np

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.kept_pixels import Entry, Generation, NewGeneration, checksum, disk_errors
from medsyngen.cohort.plans import Plan
from medsyngen.formats.refusal import ScanRefused
from medsyngen.scan import PatientKey, Pixels

TRANSIENT = frozenset({"reader-died", "too-slow", "unreadable"})
"""Refusals that another try may not meet: a reading with one of them is not taken over as a whole."""
_MOST_GENERATIONS = 2  # that lie beside a new one: crashes on end don't fill the disk


@dataclass(frozen=True, eq=False)
class ScanImages:
    """One scan in the recipe's form, or its refusal.

    Args:
        patient: Whose it is.
        images: float32, (image, channel, *space); none of a refused scan.
        label: The class, or a row for each of several attributes.
        key: What it was made from (:func:`medsyngen.cohort.plans.plan_of`).
        digest: Of the scan as decoded.
        refused: Why it can't be used.
    """

    patient: PatientKey
    images: Pixels = field(repr=False)
    label: int | tuple[int, ...] = field(repr=False)
    key: str = ""
    digest: bytes = field(default=b"", repr=False)
    refused: ScanRefused | None = None


@dataclass(frozen=True, eq=False)
class Kept:
    """A scan that an earlier reading left: images as they were, or the refusal."""

    images: Pixels = field(repr=False)
    digest: bytes = field(repr=False)
    refused: ScanRefused | None = None


class PixelCache:
    """What earlier readings left, and where this one writes.

    Args:
        folder: Inside; an existing folder for nothing else.
        plan: Of this reading.
    """

    def __init__(self, folder: Path, plan: Plan) -> None:
        self._folder, self._plan = folder, plan
        self._found: dict[str, Kept | None] = {}
        self._generations = _generations(folder)
        self._whole = next((each for each in self._generations if self._covers(each)), None)
        if self._whole is not None:
            self._generations = [self._whole]

    def find(self, key: str) -> Kept | None:
        """Returns what an earlier reading made of the very same files in the very same form, if anything."""
        if key not in self._found:
            self._found[key] = next((kept for each in self._generations if (kept := self._kept(each, key))), None)
        return self._found[key]

    def cohort(self, scans: Iterable[ScanImages], rooms: Mapping[PatientKey, int]) -> Cohort:
        """Turns a stream of scans into a cohort, one scan in memory at a time.

        Args:
            scans: Of the plan, in its order, refused ones among them. A patient's come in the record in the order in
                which they come here. Consumed before this returns; its errors pass through.
            rooms: The most images that each patient may have.

        Returns:
            The patients who have an image, sorted. Their pixels can't be written to.

        Raises:
            ValueError: An image is not float32 or not of the shape of the others, or a patient has no room left.
            MedsyngenError: The disk is full, or the folder can't be written to.
        """
        new = None if self._whole else NewGeneration(self._folder, sum(rooms.values()))
        patients = sorted(rooms)
        starts = dict(zip(patients, accumulate((rooms[p] for p in patients), initial=0), strict=False))
        classes: dict[PatientKey, list[int | tuple[int, ...]]] = {}
        steady = True
        for scan in scans:
            theirs = classes.setdefault(scan.patient, [])
            if len(theirs) + len(scan.images) > rooms.get(scan.patient, 0):
                raise ValueError("a patient has more images than there is room for")
            steady = steady and (scan.refused is None or scan.refused.reason not in TRANSIENT)
            if new is not None:
                new.put(_entry(scan, starts[scan.patient] + len(theirs)), scan.images)
            theirs += [scan.label] * len(scan.images)
        pixels = self._whole.pixels if self._whole else self._close(new, steady=steady)
        return _cohort(pixels, starts, classes)

    def _close(self, new: NewGeneration | None, *, steady: bool) -> Pixels | None:
        if new is None:
            return None
        if steady:
            new.finish(self._plan.digest)
        pixels = new.close()
        for each in self._folder.iterdir():
            if each.name.startswith("pixels-") and (each != new.folder or pixels is None):
                shutil.rmtree(each, ignore_errors=True)
        return pixels

    def _covers(self, generation: Generation) -> bool:
        """Returns whether a generation is this very plan, whole and undamaged."""
        if generation.plan != self._plan.digest:
            return False
        kept = [self._kept(generation, key) for key in self._plan.keys]
        return all(each is not None for each in kept)

    @staticmethod
    def _kept(generation: Generation, key: str) -> Kept | None:
        entry = generation.entries.get(key)
        if entry is None:
            return None
        if entry.refused:
            none = np.empty((0,), np.float32)
            return Kept(none, b"", ScanRefused(*entry.refused)) if generation.plan else None
        images = generation.images(entry)
        return None if images is None else Kept(images, bytes.fromhex(entry.digest))


def _generations(folder: Path) -> list[Generation]:
    """Returns what is there, the one with the most first; what is damaged or too much is removed."""
    found: list[Generation] = []
    with disk_errors():
        places = sorted(folder.iterdir())
    for place in places:
        with suppress(OSError, ValueError, EOFError):
            found.append(Generation(place))
    found.sort(key=lambda each: (bool(each.plan), len(each.entries)), reverse=True)
    for each in found[_MOST_GENERATIONS:]:
        shutil.rmtree(each.folder, ignore_errors=True)
    return found[:_MOST_GENERATIONS]


def _entry(scan: ScanImages, first: int) -> Entry:
    if scan.refused is not None:
        return Entry(scan.key, refused=(scan.refused.reason, scan.refused.detail))
    return Entry(scan.key, first, len(scan.images), checksum(scan.images), scan.digest.hex())


def _cohort(
    pixels: Pixels | None,
    starts: Mapping[PatientKey, int],
    classes: Mapping[PatientKey, list[int | tuple[int, ...]]],
) -> Cohort:
    if pixels is None:
        return Cohort({})
    plain = np.asarray(pixels)
    return Cohort(
        {
            patient: PatientRecord(
                plain[starts[patient] : starts[patient] + len(classes[patient])],
                np.asarray(classes[patient], dtype=np.int64),
            )
            for patient in sorted(classes)
            if classes[patient]
        }
    )


def cohort_in_memory(scans: Iterable[ScanImages]) -> Cohort:
    """Returns the same cohort with its pixels in memory."""
    images: dict[PatientKey, list[Pixels]] = {}
    classes: dict[PatientKey, list[int | tuple[int, ...]]] = {}
    for scan in scans:
        if len(scan.images):
            images.setdefault(scan.patient, []).append(scan.images)
            classes.setdefault(scan.patient, []).extend([scan.label] * len(scan.images))
    return Cohort(
        {p: PatientRecord(np.concatenate(images[p]), np.asarray(classes[p], dtype=np.int64)) for p in sorted(images)}
    )
