"""A synthetic cohort, as `export` wrote it, back as images with the values of their attributes."""

from __future__ import annotations

from pathlib import Path

from medsyngen.cohort.tables import posix_path, read_rows
from medsyngen.errors import InputUnusable
from medsyngen.evaluation.described import DescribedImages, of_columns
from medsyngen.evaluation.submission import fitted, read_pngs
from medsyngen.progress import Progress, silent
from medsyngen.synthesis.conditioning import Conditioning

_TABLE = "cohort.csv"


def read_cohort_images(
    folder: Path, conditioning: Conditioning, *, size: int, progress: Progress = silent
) -> DescribedImages:
    """Reads the PNG files of a cohort.

    Args:
        folder: COHORT, with ``cohort.csv`` and ``png/``.
        conditioning: The recipe's attributes; the table's columns go by their names.
        size: Pixels a side; larger images are made smaller as scans are.
        progress: Told after each image.

    Raises:
        InputUnusable: It is no cohort with PNG files, a file can't be read, or images are smaller.
    """
    if not (folder / _TABLE).is_file():
        raise InputUnusable(
            "COHORT is no cohort of medsyngen: it has no cohort.csv", do="name the folder that `export` wrote"
        )
    rows = read_rows(folder / _TABLE, "table cohort.csv")
    if not rows or not rows[0].get("png"):
        raise InputUnusable(
            "cohort.csv has no rows, or no column `png`", do="export the cohort with --format png, then name it"
        )
    names = [posix_path(row["png"]) for row in rows]
    images = [pixels for pixels, _ in read_pngs(folder, names, [0] * len(rows), progress)]
    if min(min(image.shape) for image in images) < size:
        raise InputUnusable(
            f"the cohort's images are smaller than the recipe's {size} x {size} pixels",
            do="name a cohort that was made with this recipe's size",
        )
    columns = {name: [row.get(name.lower(), "") for row in rows] for name in conditioning.names}
    return of_columns(fitted(images, size), columns, conditioning)
