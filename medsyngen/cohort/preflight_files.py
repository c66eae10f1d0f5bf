"""What `inspect` leaves in ``RUN/private``, readable for its owner only."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from medsyngen.cohort.disk_index import NAME as INDEX
from medsyngen.cohort.preflight import AT_RISK, Preflight
from medsyngen.errors import MedsyngenError, UsageError
from medsyngen.formats.contact_sheet import labelled_sheet

_COLUMNS = 10


@contextmanager
def private_folder(run: Path | None) -> Iterator[Path | None]:
    """Yields where the index of the headers is kept, in a folder that is made if need be; nothing without RUN.

    A folder made here goes again if nothing came to lie in it but the index of an inspection that failed.

    Raises:
        UsageError: It can't be made.
    """
    if run is None:
        yield None
        return
    private = run / "private"
    made = [folder for folder in (private, run) if not folder.exists()]
    with _writing():
        private.mkdir(parents=True, exist_ok=True)
        private.chmod(0o700)
    try:
        yield private / INDEX
    except MedsyngenError:
        if made:
            for rest in private.glob(f"{INDEX}*"):
                rest.unlink()
            for folder in made:
                folder.rmdir()
        raise


def keep_preflight(run: Path, found: Preflight, values: Mapping[str, Any], *, reveal: bool) -> list[Path]:
    """Writes the preflight, a contact sheet if there are pictures, and if asked for which file each case is.

    Args:
        run: RUN; its folder ``private`` exists.
        found: What was found.
        values: The same as JSON, and whether the look was booked: a run that begins there notes the look if it wasn't.
        reveal: Write ``cases.csv``.

    Returns:
        What was written.

    Raises:
        UsageError: It can't be written.
    """
    private, written = run / "private", []
    text = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    contents = {"preflight.json": text.encode()}
    if found.pictures:
        contents["contact-sheet.png"] = _sheet(found)
    if reveal:
        contents["cases.csv"] = _cases(found)
    with _writing():
        for name, content in contents.items():
            written.append(_replace(private / name, content))
    return written


def _sheet(found: Preflight) -> bytes:
    caption = f"PRIVATE: {len(found.pictures)} of {found.scans} scans, each between its own percentiles 1 and 99."
    if found.cases_with_text:
        caption += " Black: text was found."
    marked = [label for label, _ in found.pictures if label.removesuffix(AT_RISK) in found.cases_with_text]
    file = io.BytesIO()
    labelled_sheet(found.pictures, _COLUMNS, caption=caption, marked=marked).save(file, "PNG")
    return file.getvalue()


def _cases(found: Preflight) -> bytes:
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("case", "what became of it", "path"))
    table.writerows((case, what, path) for case, what, paths in found.cases for path in paths)
    return text.getvalue().encode("utf-8", "surrogateescape")


def _replace(path: Path, content: bytes) -> Path:
    temporary = path.with_name(f".{path.name}.part")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    os.replace(temporary, path)
    return path


@contextmanager
def _writing() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"--out can't be written: {error.strerror}", do="name a folder that can be written") from error
