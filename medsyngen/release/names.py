"""How the files and patients of a cohort are named: by counters and one random tag, by nothing else."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from typing import Final

# No vowels, so that no word arises; no A-F, so that a tag is never part of a hexadecimal number.
_TAG_LETTERS: Final = "GHJKLMNPQRSTVWXZ"
SUFFIXES: Final = {"dicom": ".dcm", "nifti": ".nii.gz", "bids": ".nii.gz", "png": ".png", "npz": ".npz"}
"""The formats that can be written, each with its suffix; a format's files lie in the folder of its name."""
LABELS: Final = "labels"
"""The column, and the folder, of label maps: NIfTI files beside whatever format the images are in."""
PATIENT_ID: Final = re.compile(rf"SYN-([{_TAG_LETTERS}]{{6}})-([0-9]{{6}})")
IMAGE_FILE: Final = re.compile(
    r"dicom/SYN-([0-9]{6})(?:\.dcm|/[0-9]{4}\.dcm)|png/SYN-([0-9]{6})\.png|(?:nifti|labels)/SYN-([0-9]{6})\.nii\.gz"
)
REPORT_FILE: Final = re.compile(r"[a-z][a-z_]{0,40}\.(?:json|html)")
TABLE: Final = "cohort.csv"
README: Final = "README.md"
CROISSANT: Final = "croissant.json"
MANIFEST: Final = "manifest.json"
ARRAYS: Final = "npz/cohort.npz"
OURS: Final = frozenset((TABLE, README, CROISSANT, MANIFEST))
"""Files beside the images that no privacy report may be called."""
MOST: Final = 999_999
MOST_SLICES: Final = 9_999


def cohort_tag() -> str:
    """Returns six random letters, one tag a cohort: two cohorts in one archive don't share patient identifiers."""
    return "".join(secrets.choice(_TAG_LETTERS) for _ in range(6))


def patient_id(tag: str, number: int) -> str:
    """Returns the identifier of synthetic patient ``number`` (from 1)."""
    return f"SYN-{tag}-{number:06d}"


def image_file(image_format: str, number: int) -> str:
    """Returns the path, relative to the cohort's folder, of image ``number`` (from 1), where it is one file.

    ``labels`` is the file of its label map. Not for ``bids`` and ``npz``: their files have names of their own.
    """
    return f"{image_format}/SYN-{number:06d}{SUFFIXES.get(image_format, SUFFIXES['nifti'])}"


def series_folder(number: int) -> str:
    """Returns the path of the folder that holds the slices of image ``number``."""
    return f"dicom/SYN-{number:06d}"


def slice_name(number: int) -> str:
    """Returns the name of slice ``number`` (from 1) in the folder of its series."""
    return f"{number:04d}.dcm"


def image_number(file: str) -> int | None:
    """Returns the counter of an image's path, or None if the path names no image."""
    found = IMAGE_FILE.fullmatch(file)
    return int(next(group for group in found.groups() if group)) if found else None


def parents(files: Sequence[str]) -> set[str]:
    """Returns every folder that these paths lie in."""
    parts = [file.split("/")[:-1] for file in files]
    return {"/".join(each[:depth]) for each in parts for depth in range(1, len(each) + 1)}
