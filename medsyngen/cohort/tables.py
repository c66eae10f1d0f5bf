"""Small CSV files that the hospital writes: labels and patient maps."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TextIO

from medsyngen.errors import InputUnusable
from medsyngen.formats.archive import open_scan, split_address
from medsyngen.formats.refusal import ScanRefused

Row = Mapping[str, str]


def read_rows(path: Path, what: str) -> list[Row]:
    """Reads a CSV file with a header line; column names in lower case, cells without surrounding spaces.

    Args:
        path: A CSV file in UTF-8, with or without byte order mark; or one in an archive.
        what: What to call it in an error, such as ``label file``.

    Raises:
        InputUnusable: If it is absent, is no UTF-8 text or has rows longer than its header.
    """
    do = f"give the {what} as comma-separated text in UTF-8 with a header line"
    try:
        with _opened(path) as file:
            reader = csv.DictReader(file, strict=True)
            names = [(name or "").strip().lower() for name in reader.fieldnames or ()]
            if len(set(names)) != len(names):
                raise InputUnusable(f"the {what} names a column twice", do=do)
            reader.fieldnames = names
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error, ScanRefused):
        raise InputUnusable(f"the {what} can't be read", do=do) from None
    long = [f"row {number}" for number, row in enumerate(rows, start=2) if None in row]
    if long:
        raise InputUnusable(f"the {what} has rows with more cells than the header", do=do, details=long)
    return [{name: (cell or "").strip() for name, cell in row.items()} for row in rows]


def _opened(path: Path) -> TextIO:
    if not os.path.lexists(path) and split_address(path)[0] is not None:
        return io.TextIOWrapper(open_scan(path), encoding="utf-8-sig", newline="")
    return path.open(newline="", encoding="utf-8-sig")


def posix_path(text: str) -> str:
    """Returns a path of a table as the index writes it: relative to SCANS, with forward slashes, without ``./``."""
    return PurePosixPath(text.replace("\\", "/")).as_posix()
