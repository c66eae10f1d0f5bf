"""The real side of a task: its set read as `fit` reads it, split by patient, and cut into what each figure needs."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.patient_map import patient_key
from medsyngen.cohort.reading import read_cohort
from medsyngen.errors import InputUnusable
from medsyngen.evaluation.labelled import LabelledImages, at_shares, one_of_each_first
from medsyngen.evaluation.tasks import Split, Task, split_patients
from medsyngen.formats.npz import read_npz_header
from medsyngen.progress import Progress, silent
from medsyngen.scan import PatientKey


class Compared(Protocol):
    """What two sets of images are compared by; a :class:`Task` is one."""

    @property
    def shares(self) -> tuple[float, ...]:
        """The declared share of each class."""
        ...

    @property
    def images(self) -> int:
        """So many images are enough."""
        ...


@dataclass(frozen=True, eq=False)
class RealImages:
    """What synthetic images are held against; private.

    Args:
        half: Of one half of the private patients, at the declared shares: the reference that needs many images.
        other_half: Of the other half, as many: real against real gives the floors.
        test: All images of the test patients.
    """

    half: LabelledImages = field(repr=False)
    other_half: LabelledImages = field(repr=False)
    test: LabelledImages = field(repr=False)


def read_split(task: Task, scans: Path, *, progress: Progress = silent) -> Split:
    """Reads the set of a task and splits it by patient.

    Args:
        task: The task.
        scans: The ``.npz`` file or the folder of DICOM files with labels.csv.
        progress: Told after each file.

    Raises:
        InputUnusable: The set can't be read, or it is not the task's.
        TooManySkipped: A scan can't be used; a task leaves none out.
    """
    cohort = read_cohort(scans, form=task.form, classes=task.classes, progress=progress).cohort
    return split_patients(task, cohort, _in_test_only(scans) if task.split == "file" else frozenset())


def _in_test_only(scans: Path) -> frozenset[PatientKey]:
    header = read_npz_header(scans)
    try:
        with np.load(scans, allow_pickle=False) as arrays:
            split = [str(part) for part in arrays["split"]]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        split = []
    ids = header.patient_ids or ()
    if len(split) != len(ids) or not split:
        raise InputUnusable(
            "the .npz has no array `split` with one word for each image",
            do="give the set that docs/benchmarks/protocol.md describes, with `split` beside `images`",
        )
    by_split = {part: {patient_key(i) for i, s in zip(ids, split, strict=True) if s == part} for part in set(split)}
    test = by_split.pop("test", set())
    return frozenset(test.difference(*by_split.values()))


def images_of(cohort: Cohort, classes: int) -> LabelledImages:
    """Returns the images of a cohort, patient by patient; those without a class of the task are left out.

    Args:
        cohort: Patients, in the order in which they are to be taken.
        classes: How many classes the task has.

    Raises:
        InputUnusable: No image carries a class of the task.
    """
    parts = [(record.pixels, record.classes, number) for number, record in enumerate(cohort.values())]
    labels = np.concatenate([labels for _, labels, _ in parts]) if parts else np.empty(0, np.int64)
    known = labels < classes
    if not known.any():
        raise InputUnusable(
            "no real image carries a label of the task",
            do="give labels as docs/benchmarks/protocol.md describes: `label` in the .npz, or labels.csv in the folder",
        )
    pixels = np.concatenate([pixels for pixels, _, _ in parts])
    owners = np.repeat([number for _, _, number in parts], [len(each) for each, _, _ in parts]).astype(np.int64)
    return LabelledImages(pixels[known], labels[known], owners[known])


def real_images(task: Task, split: Split) -> RealImages:
    """Cuts the patients of a task into what fidelity and utility are computed on; see :func:`cut`.

    Args:
        task: The task.
        split: Its patients; the private ones in the public order of the task.

    Raises:
        InputUnusable: A class is missing among the private or the test patients.
    """
    count = len(task.classes)
    found = cut(images_of(split.private, count), images_of(split.test, count), task)
    if len(found.half) < 2 or 0 in found.test.per_class(count):
        raise InputUnusable(
            "a class of the task has hardly any real image",
            do="check the labels against docs/benchmarks/protocol.md",
        )
    return found


def cut(private: LabelledImages, test: LabelledImages, form: Compared) -> RealImages:
    """Cuts real images into the two halves of the private patients, and the test patients.

    The private patients go to the two halves in turn, by their numbers. Of each half so many images are taken as can
    stand at the declared shares, at most ``form.images`` and as many from either half, one of each patient first.

    Args:
        private: Of the private patients, numbered in a public order.
        test: Of the test patients.
        form: Shares of the classes, and how many images are enough.
    """
    halves = []
    for start in (0, 1):
        whole = private[np.flatnonzero(private.patients % 2 == start)]
        ordered = whole[one_of_each_first(whole.patients)]
        halves.append((ordered, len(at_shares(ordered.classes, form.shares, form.images))))
    count = min(n for _, n in halves)
    half, other = (images[at_shares(images.classes, form.shares, count)] for images, _ in halves)
    return RealImages(half, other, test)
