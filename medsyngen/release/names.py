"""How the files and patients of a cohort are named: by counters and one random tag, by nothing else."""

from __future__ import annotations

import re
import secrets
from typing import Final

# No vowels, so that no word arises; no A-F, so that a tag is never part of a hexadecimal number.
_TAG_LETTERS: Final = "GHJKLMNPQRSTVWXZ"
SUFFIXES: Final = {"dicom": ".dcm", "png": ".png"}
"""The formats that can be written, each with its suffix; a format's files lie in the folder of its name."""
PATIENT_ID: Final = re.compile(rf"SYN-([{_TAG_LETTERS}]{{6}})-([0-9]{{6}})")
IMAGE_FILE: Final = re.compile(r"(?:dicom/SYN-([0-9]{6})\.dcm|png/SYN-([0-9]{6})\.png)")
REPORT_FILE: Final = re.compile(r"[a-z][a-z_]{0,40}\.(?:json|html)")
TABLE: Final = "cohort.csv"
README: Final = "README.md"
MANIFEST: Final = "manifest.json"
MOST: Final = 999_999


def cohort_tag() -> str:
    """Returns six random letters, one tag a cohort: two cohorts in one archive don't share patient identifiers."""
    return "".join(secrets.choice(_TAG_LETTERS) for _ in range(6))


def patient_id(tag: str, number: int) -> str:
    """Returns the identifier of synthetic patient ``number`` (from 1)."""
    return f"SYN-{tag}-{number:06d}"


def image_file(image_format: str, number: int) -> str:
    """Returns the path, relative to the cohort's folder, of picture ``number`` (from 1)."""
    return f"{image_format}/SYN-{number:06d}{SUFFIXES[image_format]}"


def image_number(file: str) -> int | None:
    """Returns the counter of a picture's path, or None if the path names no picture."""
    found = IMAGE_FILE.fullmatch(file)
    return int(found[1] or found[2]) if found else None
