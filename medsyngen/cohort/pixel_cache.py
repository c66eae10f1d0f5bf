"""A cohort whose pixels lie in a file and not in memory, so that memory does not grow with the number of scans.

The file has no name: it is taken out of its folder as it is made (``O_TMPFILE`` where the system has it), readable for
its owner only. The system frees it with the process that holds it, however that ends: private pixels never pile up, and
a crash leaves none behind. They are float32 as in memory: training computes the same bits.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import accumulate
from pathlib import Path
from typing import IO

import numpy as np

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import MedsyngenError
from medsyngen.scan import PatientKey, Pixels

ScanOfPatient = tuple[PatientKey, Pixels, int | tuple[int, ...]]
"""Whose it is; float32 (channel, *space); the class, or a row for each of several attributes."""


def cohort_from(scans: Iterable[ScanOfPatient], *, rooms: Mapping[PatientKey, int], folder: Path | None) -> Cohort:
    """Turns a stream of scans into a cohort, one scan in memory at a time.

    Args:
        scans: In any order; a patient's come in the record in the order in which they come here. Consumed before this
            returns; its errors pass through.
        rooms: The most scans that each patient may have.
        folder: An existing folder inside, on the disk that is to hold the pixels; None keeps them in memory.

    Returns:
        The patients who have a scan, sorted. Their pixels can't be written to if they lie in a file.

    Raises:
        ValueError: An image is not float32 or not of the shape of the others, or a patient has no room left.
        MedsyngenError: The disk is full, or the folder can't be written to.
    """
    if folder is None:
        return _in_memory(scans)
    patients = sorted(rooms)
    starts = dict(zip(patients, accumulate((rooms[p] for p in patients), initial=0), strict=False))
    classes: dict[PatientKey, list[int | tuple[int, ...]]] = {}
    shape: tuple[int, ...] = ()
    with ExitStack() as held:
        with _disk_errors():
            file = held.enter_context(tempfile.TemporaryFile(dir=folder))
        for patient, image, label in scans:
            with _disk_errors():
                if not shape:
                    shape = image.shape
                    _reserve(file, sum(rooms.values()) * image.nbytes)
                theirs = classes.setdefault(patient, [])
                if image.dtype != np.float32 or image.shape != shape or len(theirs) == rooms[patient]:
                    raise ValueError("images must be float32, of one shape, and no more than there is room for")
                file.seek((starts[patient] + len(theirs)) * image.nbytes)
                file.write(np.ascontiguousarray(image).data)
                theirs.append(label)
        if not classes:
            return Cohort({})
        with _disk_errors():
            file.flush()
            pixels = np.asarray(np.memmap(file, np.float32, "r", shape=(sum(rooms.values()), *shape)))
    return Cohort(
        {
            patient: PatientRecord(
                pixels[starts[patient] : starts[patient] + len(classes[patient])],
                np.asarray(classes[patient], dtype=np.int64),
            )
            for patient in sorted(classes)
        }
    )


def existing_folder(path: Path) -> Path:
    """Returns the folder, or the nearest one above it that exists: on the same disk, when it comes into being."""
    return next((place for place in (path, *path.absolute().parents) if place.is_dir()), Path.cwd())


def _reserve(file: IO[bytes], size: int) -> None:
    """Takes the whole room at once: a full disk shows at the first scan, and a map of the file has no missing page."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    else:
        file.truncate(size)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MedsyngenError(
            f"the pixels of the scans can't be kept in the run folder: {os.strerror(error.errno or 0)}; "
            "nothing was charged just now",
            do="free disk space or mend the folder's permissions, then run the same command again",
        ) from error


def _in_memory(scans: Iterable[ScanOfPatient]) -> Cohort:
    images: dict[PatientKey, list[Pixels]] = {}
    classes: dict[PatientKey, list[int | tuple[int, ...]]] = {}
    for patient, image, label in scans:
        images.setdefault(patient, []).append(image)
        classes.setdefault(patient, []).append(label)
    return Cohort(
        {p: PatientRecord(np.stack(images[p]), np.asarray(classes[p], dtype=np.int64)) for p in sorted(images)}
    )
