"""Reading anybody's synthetic images: a medsyngen cohort, PNG files in a folder for each class, or one ``.npz``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from medsyngen.cohort.labels import ClassDefinition
from medsyngen.cohort.tables import posix_path, read_rows
from medsyngen.errors import InputUnusable
from medsyngen.evaluation.labelled import LabelledImages, at_shares
from medsyngen.evaluation.tasks import Task
from medsyngen.formats.npz import NpzImages, read_npz_header
from medsyngen.formats.refusal import ScanRefused
from medsyngen.progress import Progress, silent
from medsyngen.scan import Pixels

LEAST_PER_CLASS = 10
_TABLE = "cohort.csv"
_Images = list[tuple[Pixels, int]]


@dataclass(frozen=True, eq=False)
class Submission:
    """Synthetic images as they are scored.

    Args:
        images: In the size of the task.
        found: How many there were of each class; the first ones at the declared shares are scored.
        sizes: Rows and columns that they came in; others than the task's were fitted as scans are.
        sha256: Of the pixels that are scored, float32, and their classes.
    """

    images: LabelledImages = field(repr=False)
    found: tuple[int, ...]
    sizes: tuple[tuple[int, int], ...]
    sha256: str


def read_submission(place: Path, task: Task, *, progress: Progress = silent) -> Submission:
    """Reads synthetic images.

    Args:
        place: A cohort folder (``cohort.csv`` and ``png/``), a folder with a folder of PNG files for each class, an
            ``.npz``, or a folder with one ``.npz``. PNG files are grey or coloured (turned grey), of 8 or 16 bits. An
            ``.npz`` holds ``images`` (n, rows, columns), integers over their whole range or floats in [-1, 1], and
            ``label`` (n). Classes go by their name or label.
        task: Whose size and classes apply.
        progress: Told after each image.

    Returns:
        At most ``task.images`` images: of more, the first ones (by name, or in the order of the file) at the declared
        shares. Of fewer all are taken.

    Raises:
        InputUnusable: Nothing is there, a file can't be read, an image is smaller than the task's, or a class has too
            few images; names every bad file, since nothing in it is private.
    """
    found = _reader(place)(place, task.classes, progress)
    counts = [sum(label == c for _, label in found) for c in range(len(task.classes))]
    scarce = [task.classes[c].name for c, count in enumerate(counts) if count < LEAST_PER_CLASS]
    if scarce:
        raise InputUnusable(
            f"fewer than {LEAST_PER_CLASS} images of the class {' and '.join(scarce)}: figures of so few say nothing",
            do=f"give {task.images} images: {_wanted(task)}",
        )
    sizes = sorted({(pixels.shape[0], pixels.shape[1]) for pixels, _ in found})
    small = [size for size in sizes if min(size) < task.size]
    if small:
        raise InputUnusable(
            f"images of {small[0][0]} x {small[0][1]} pixels are smaller than the task's {task.size} x {task.size}",
            do=f"make images of {task.size} x {task.size} pixels; larger ones are made smaller as scans are",
        )
    labels = np.asarray([label for _, label in found], np.int64)
    chosen = np.arange(len(found))
    if len(found) > task.images:
        chosen = at_shares(labels, task.shares, task.images)
    pixels = fitted([found[i][0] for i in chosen], task.size)
    digest = hashlib.sha256(pixels.astype("<f4").tobytes() + labels[chosen].astype("<i8").tobytes()).hexdigest()
    images = LabelledImages(pixels, labels[chosen], np.arange(len(chosen)))
    return Submission(images, tuple(counts), tuple(sizes), digest)


def _wanted(task: Task) -> str:
    return ", ".join(f"{round(each.share * task.images)} {each.name}" for each in task.classes)


def _reader(place: Path) -> Callable[[Path, Sequence[ClassDefinition], Progress], _Images]:
    if place.is_file() and place.suffix.lower() == ".npz":
        return _npz
    if not place.is_dir():
        raise InputUnusable(
            "FOLDER is not there, or is no folder and no .npz", do="give the folder that holds the synthetic images"
        )
    if (place / _TABLE).is_file():
        return _cohort
    archives = sorted(place.glob("*.npz"))
    if len(archives) == 1:
        return lambda _, classes, progress: _npz(archives[0], classes, progress)
    return _folders


def _class_of(text: str, classes: Sequence[ClassDefinition]) -> int | None:
    """Returns the class that a name or label stands for, or None."""
    names = [{each.name.lower(), each.label.strip().lower()} for each in classes]
    return next((i for i, known in enumerate(names) if text.strip().lower() in known), None)


def _known(texts: Sequence[str], classes: Sequence[ClassDefinition], what: str) -> list[int]:
    found = [_class_of(text, classes) for text in texts]
    unknown = sorted({text[:40] for text, label in zip(texts, found, strict=True) if label is None})
    if unknown:
        raise InputUnusable(
            f"{what} {unknown[0]!r} is none of the task's classes",
            do=f"use {' and '.join(each.name for each in classes)}",
        )
    return [label for label in found if label is not None]


def _cohort(folder: Path, classes: Sequence[ClassDefinition], progress: Progress) -> _Images:
    rows = read_rows(folder / _TABLE, "table cohort.csv")
    if not rows or not {"png", "class"} <= set(rows[0]):
        raise InputUnusable(
            "cohort.csv has no rows, or no columns `png` and `class`",
            do="export the cohort with --format png and with classes",
        )
    labels = _known([row["class"] for row in rows], classes, "the class")
    return read_pngs(folder, [posix_path(row["png"]) for row in rows], labels, progress)


def _folders(folder: Path, classes: Sequence[ClassDefinition], progress: Progress) -> _Images:
    files = sorted(path for path in folder.glob("*/*") if path.suffix.lower() == ".png")
    if not files:
        raise InputUnusable(
            "FOLDER holds no synthetic images that this command knows",
            do=f"put PNG files into the folders {' and '.join(each.name for each in classes)}, or give a medsyngen "
            "cohort with png/, or one .npz with `images` and `label`",
        )
    labels = _known([path.parent.name for path in files], classes, "the folder")
    return read_pngs(folder, [path.relative_to(folder).as_posix() for path in files], labels, progress)


def read_pngs(
    folder: Path, names: Sequence[str], labels: Sequence[int], progress: Progress
) -> list[tuple[Pixels, int]]:
    """Returns synthetic PNG files as float32 in [-1, 1], (height, width), each with its label.

    Args:
        folder: Where they are.
        names: Relative to it.
        labels: Of each.
        progress: Told after each file.

    Raises:
        InputUnusable: Some can't be read; names all of them.
    """
    images: _Images = []
    bad = []
    for done, (name, label) in enumerate(zip(names, labels, strict=True), start=1):
        try:
            images.append((_grey_png(folder / name), label))
        except (OSError, ValueError, SyntaxError):  # Pillow raises SyntaxError for some broken PNG files
            bad.append(name)
        progress("reading synthetic images", done, len(names))
    if bad:
        raise InputUnusable("some PNG files can't be read", do="mend them or leave them out", details=bad)
    return images


def _grey_png(path: Path) -> Pixels:
    from PIL import Image

    with Image.open(path, formats=["PNG"]) as image:
        deep = image.mode.startswith("I")
        levels = np.asarray(image if deep else image.convert("L"), dtype=np.float64)
    return (levels * (2.0 / (65535 if deep else 255)) - 1.0).astype(np.float32)


def _npz(file: Path, classes: Sequence[ClassDefinition], progress: Progress) -> _Images:
    try:
        header, reader = read_npz_header(file), NpzImages(file)
        if header.labels is None:
            raise InputUnusable("the .npz has no array `label`", do="store one label for each image beside `images`")
        labels = _known(header.labels, classes, "the label")
        images: _Images = []
        for i, label in enumerate(labels):
            values = reader.read(i)
            images.append((_scaled(values.pixels, values.value_range), label))
            progress("reading synthetic images", i + 1, len(labels))
    except ScanRefused as refused:
        raise InputUnusable(f"the .npz can't be used: {refused.what}", do=refused.do) from None
    return images


def _scaled(pixels: Pixels, value_range: tuple[float, float] | None) -> Pixels:
    if value_range is None:
        if np.abs(pixels).max() > 1.0 + 1e-6:
            raise InputUnusable(
                "the .npz holds floats outside [-1, 1]", do="scale them to [-1, 1], or store integers of 8 or 16 bits"
            )
        return pixels.clip(-1.0, 1.0)
    low, high = value_range
    return ((pixels.astype(np.float64) - low) * (2.0 / (high - low)) - 1.0).astype(np.float32)


def fitted(images: Sequence[Pixels], size: int) -> Pixels:
    """Returns the images as float32 (n, 1, size, size), fitted into the square as scans are."""
    if all(image.shape == (size, size) for image in images):
        return np.stack(images)[:, None]
    import torch

    from medsyngen.cohort.monai_transforms import FitSquared

    fit = FitSquared(keys="image", size=size)
    return np.stack([fit({"image": torch.from_numpy(image)[None]})["image"].numpy() for image in images])
