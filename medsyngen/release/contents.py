"""Which files a cohort consists of, from public facts: for the writer to list and for the gate to expect."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from medsyngen.release import bids, names
from medsyngen.release.form import ReleaseForm


def dicom_files(number: int, form: ReleaseForm, shape: Sequence[int]) -> tuple[str, ...]:
    """Returns the DICOM files of image ``number``: one, or those of its slices."""
    if is_series(form, shape):
        folder = names.series_folder(number)
        return tuple(f"{folder}/{names.slice_name(each)}" for each in range(1, shape[2] + 1))
    return (names.image_file("dicom", number),)


def is_series(form: ReleaseForm, shape: Sequence[int]) -> bool:
    """Whether an image of this shape becomes a folder of slices."""
    return len(shape) == 3 and form.modality != "MFSC"


def told_in_table(image_format: str, number: int, form: ReleaseForm, shape: Sequence[int]) -> str:
    """Returns what the table says in the column of a format: the file of an image, its folder, or its place."""
    if image_format == "npz":
        return f"{names.ARRAYS}#{number - 1}"
    if image_format == "bids":
        return bids.image_files(number, form)[0]
    if image_format == "dicom" and is_series(form, shape):
        return names.series_folder(number)
    return names.image_file(image_format, number)


def image_files(formats: Iterable[str], count: int, form: ReleaseForm, shape: Sequence[int]) -> set[str]:
    """Returns every file of the images, and of the formats' own.

    Args:
        formats: As written; ``labels`` among them if there are label maps.
        count: Number of images.
        form: What they are written as.
        shape: Of each: (row, column) of a picture, (x, y, z) of a volume.
    """
    found: set[str] = set()
    for name in formats:
        if name == "npz":
            found.add(names.ARRAYS)
        elif name == "bids":
            found |= {bids.DESCRIPTION, bids.PARTICIPANTS, bids.COLUMNS, bids.README}
            found |= {file for number in range(1, count + 1) for file in bids.image_files(number, form)}
        elif name == "dicom":
            found |= {file for number in range(1, count + 1) for file in dicom_files(number, form, shape)}
        else:
            found |= {names.image_file(name, number) for number in range(1, count + 1)}
    return found
