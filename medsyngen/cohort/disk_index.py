"""What files said, kept on disk inside, so that a second run opens only those that changed.

*Guarantee.* It holds texts of headers, so it lies in ``RUN/private``, readable for its owner only, and what belonged to
a file that is gone is overwritten. It decides nothing: every rule of a recipe is applied anew to what it returns.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from medsyngen.cohort.fact_reading import Told
from medsyngen.cohort.file_facts import from_text
from medsyngen.cohort.source_texts import check_line
from medsyngen.cohort.walking import FoundFile
from medsyngen.errors import MedsyngenError

NAME: Final = "index.sqlite"
_SETTLED_NS: Final = 2_000_000_000  # a file may change again without another time of change, on coarse clocks
_COMMIT: Final = 4096  # rows that a crash may lose: they are read again
_TABLES: Final = """
CREATE TABLE IF NOT EXISTS reader (version TEXT);
CREATE TABLE IF NOT EXISTS file (
  locator TEXT PRIMARY KEY, size INTEGER, modified INTEGER, changed INTEGER, inode INTEGER,
  facts TEXT, texts TEXT, seen INTEGER
) WITHOUT ROWID;
"""
_ASKED: Final = "SELECT facts, texts FROM file WHERE locator=? AND size=? AND modified=? AND changed=? AND inode=?"
Row = tuple[FoundFile, str, str]
"""A file, its facts as text, and the texts of its header as a line."""


class DiskIndex:
    """An index on disk; a context manager. Another program's copy of it may be at work: both see whole rows.

    Args:
        path: The file, in the private part of a run folder; made if it isn't there, made anew if it is damaged or
            another version of the reader wrote it.

    Raises:
        MedsyngenError: It can't be written, when it is used.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = time.time_ns()
        self._waiting = 0

    def __enter__(self) -> Self:
        with _disk_errors():
            try:
                self._database = self._open()
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self._path.unlink()  # damaged: it can be had again
                self._database = self._open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                with _disk_errors():
                    self._database.execute("DELETE FROM file WHERE seen != ?", (self._turn,))
            with _disk_errors():
                self._database.commit()  # what was read before an interrupt needs no second reading
        finally:
            self._database.close()

    def _open(self) -> sqlite3.Connection:
        os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
        self._path.chmod(0o600)
        database = sqlite3.connect(self._path, timeout=60)
        database.execute("PRAGMA secure_delete = ON")
        database.executescript(_TABLES)
        if database.execute("SELECT version FROM reader").fetchall() != [(reader_version(),)]:
            database.executescript(f"DELETE FROM reader; DROP TABLE file; {_TABLES}")  # its columns may be others
            database.execute("INSERT INTO reader VALUES (?)", (reader_version(),))
            database.commit()
        return database

    def known(self, files: Iterable[FoundFile]) -> dict[str, Told]:
        """Returns what is known of the files that are as they were when they were read, by locator."""
        found = {}
        for file in files:
            with _disk_errors():
                row = self._database.execute(_ASKED, (_key(file), file.size, *file.stamp)).fetchone()
            if row is not None:
                try:
                    check_line(row[1])
                    found[file.locator] = (from_text(row[0]), row[1])
                except ValueError:
                    continue  # damaged: read again
        with _disk_errors():
            marks = [(self._turn, _text(locator)) for locator in found]
            self._database.executemany("UPDATE file SET seen = ? WHERE locator = ?", marks)
        return found

    def keep(self, rows: Iterable[Row]) -> None:
        """Keeps facts of files that were just read."""
        settled = time.time_ns() - _SETTLED_NS
        values = [
            (_key(file), file.size, *file.stamp, facts, texts, self._turn)
            for file, facts, texts in rows
            if file.stamp[0] < settled
        ]
        with _disk_errors():
            self._database.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            self._waiting += len(values)
            if self._waiting >= _COMMIT:
                self._database.commit()
                self._waiting = 0


def _key(file: FoundFile) -> str:
    return _text(file.locator)


def _text(locator: str) -> str:
    return locator.encode("utf-8", "surrogateescape").decode("latin-1")  # names on disk need be no valid text


@cache
def reader_version() -> str:
    """Returns a text that changes with the code that reads files, here and in the libraries beneath."""
    here = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted([*(here / "formats").glob("*.py"), *(here / "cohort").glob("*.py")]):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    libraries = [f"{name} {version(name)}" for name in ("medsyngen", "pydicom", "nibabel", "pillow")]
    return " ".join([digest.hexdigest(), *libraries])


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.OperationalError) as error:
        why = os.strerror(error.errno or 0) if isinstance(error, OSError) else "the disk is full, locked or read-only"
        raise MedsyngenError(
            f"the index of the scans can't be kept in the run folder: {why}",
            do="free disk space or mend the folder's permissions, then run the same command again",
        ) from error
