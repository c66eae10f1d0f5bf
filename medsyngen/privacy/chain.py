"""An append-only file of JSON lines, each with the hash of the one before, on disk before an append returns.

It protects against accidents (a kill in the middle of a write, two processes, a full disk) and against later edits of
single lines. It can't protect against its owner rolling the whole file back; where the head (number and hash of the
last line) is kept elsewhere, a shorter or different file can be told.

Several processes may append in turn: each holds the lock for one append only, and first reads what the others wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from filelock import FileLock, Timeout

from medsyngen.errors import MedsyngenError, UsageError, VerificationFailed

Line = Mapping[str, Any]

_START = "0" * 64
_PATIENCE = 30.0  # seconds to wait for another writer, who holds the lock for milliseconds


class Head(NamedTuple):
    """Where a chain ends: the number of its last line (from 0) and that line's SHA-256 in hexadecimal."""

    n: int
    hash: str


def canonical(value: object) -> bytes:
    """Returns the one JSON text of a value: sorted keys, no spaces, ASCII, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def line_hash(line: Line) -> str:
    """Returns the SHA-256 of a line's canonical JSON without its own ``hash``."""
    return hashlib.sha256(canonical({key: value for key, value in line.items() if key != "hash"})).hexdigest()


def parse_chain(data: bytes, name: str, after: Head | None = None) -> tuple[list[Line], int]:
    """Returns the lines of a chain and how many bytes of a torn last line follow them.

    Args:
        data: The file's bytes, or those behind the line ``after``.
        name: What to call the file in an error.
        after: Where the lines known already end; None at the start of the file.

    Raises:
        VerificationFailed: If a whole line is not what was written; its number (from 1) is named.
    """
    *rows, torn = data.split(b"\n")
    lines: list[Line] = []
    known, previous = (after.n + 1, after.hash) if after else (0, _START)
    for number, row in enumerate(rows, start=known + 1):
        line = _parse(row)
        if line is None or line.get("n") != number - 1 or line.get("previous") != previous:
            raise VerificationFailed(
                f"line {number} of {name} was changed, or lines before it were removed or inserted",
                do="restore the untouched file; a ledger that was edited can't vouch for what was spent",
            )
        previous = line["hash"]
        lines.append(line)
    return lines, len(torn)


def _parse(row: bytes) -> Line | None:
    """Returns a line whose bytes are exactly the canonical form that its hash vouches for, else None."""
    try:
        line = json.loads(row)
        same = isinstance(line, dict) and canonical(line) == row and line.get("hash") == line_hash(line)
    except (ValueError, RecursionError):
        return None
    return line if same else None


class ChainFile:
    """An open chain. Lines are verified when they are read; appending is locked against other processes.

    Args:
        path: The file; errors give its name only.
        descriptor: The open file.
        writable: False if opened for reading only.
    """

    def __init__(self, path: Path, descriptor: int, *, writable: bool) -> None:
        self.path = path
        self._descriptor = descriptor
        self._writable = writable
        self._lock = FileLock(f"{path}.lock", timeout=_PATIENCE, mode=0o600)
        self._seen = hashlib.sha256()  # of the bytes of all lines known
        self._size = 0
        self.lines: list[Line] = []
        self.torn = 0

    @classmethod
    def create(cls, path: Path, first: Mapping[str, object]) -> ChainFile:
        """Creates the file (mode 0600) with its first line, both on disk when this returns.

        Raises:
            UsageError: If the file exists.
            MedsyngenError: If it can't be written; nothing is left behind.
        """
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError as error:
            raise UsageError(f"{path.name} exists already", do="open it; a ledger is never replaced") from error
        except OSError as error:
            _refuse_to_write(path.name, error)
        chain = cls(path, descriptor, writable=True)
        try:
            chain.append(first)
            _sync_folder(path.parent)
        except (OSError, MedsyngenError) as error:
            for leftover in (path, Path(chain._lock.lock_file)):
                with suppress(OSError):
                    leftover.unlink()
            chain.close()
            if isinstance(error, OSError):
                _refuse_to_write(path.name, error)
            raise
        return chain

    @classmethod
    def open(cls, path: Path, *, read_only: bool = False) -> ChainFile:
        """Opens and verifies the chain. A torn last line is dropped: from the file, too, unless ``read_only``.

        Raises:
            UsageError: If there is no such file, or another process does not let go of it.
            VerificationFailed: If a line was changed.
            MedsyngenError: If it can't be opened.
        """
        try:
            descriptor = os.open(path, (os.O_RDONLY if read_only else os.O_RDWR) | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise UsageError(f"there is no {path.name} here", do="create the ledger first") from error
        except OSError as error:
            _refuse_to_write(path.name, error)
        chain = cls(path, descriptor, writable=not read_only)
        try:
            if read_only:
                chain._read()
            else:
                with chain.exclusive():
                    pass
        except OSError as error:
            chain.close()
            _refuse_to_write(path.name, error)
        except MedsyngenError:
            chain.close()
            raise
        return chain

    @property
    def name(self) -> str:
        """What errors call the file: its name, no folder."""
        return self.path.name

    @property
    def head(self) -> Head:
        """The number and hash of the last line; (-1, zeros) if there is none."""
        return Head(len(self.lines) - 1, self.lines[-1]["hash"] if self.lines else _START)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps other writers out, after reading what they wrote; may be nested.

        A last line without its end is cut off: its writer died before it returned. ``torn`` says how many bytes.

        Raises:
            UsageError: If the file was opened for reading only, or another process does not let go of it.
            VerificationFailed: If lines that were read before are not there any more.
            MedsyngenError: If the lock can't be made.
        """
        if not self._writable:
            raise UsageError(f"{self.name} was opened for reading only", do="open it for writing")
        try:
            held = self._lock.acquire()
        except Timeout as error:
            raise UsageError(
                f"another process is writing to {self.name}",
                do=f"wait until it has finished, then try again; if there is none, remove {self.name}.lock",
            ) from error
        except OSError as error:
            _refuse_to_write(self.name, error)
        with held:
            if self._lock.lock_counter == 1:
                self._read()
                if self.torn:
                    os.ftruncate(self._descriptor, self._size)
                    os.fsync(self._descriptor)
            yield

    def append(self, fields: Mapping[str, object]) -> Line:
        """Writes one more line; it is on disk (fsync) when this returns, or not in the file at all.

        Raises:
            MedsyngenError: If it can't be written; the file is cut back to the lines before.
            VerificationFailed: If the file was changed, replaced or removed under our hands.
        """
        with self.exclusive():
            line: dict[str, object] = {"n": len(self.lines), "previous": self.head.hash, **fields}
            line["hash"] = line_hash(line)
            data = canonical(line) + b"\n"
            try:
                _write_all(self._descriptor, data, self._size)
                os.fsync(self._descriptor)
            except OSError as error:
                self._cut_back()
                _refuse_to_write(self.name, error)
            self._know([line], data)
            return line

    def close(self) -> None:
        """Closes the file; no more appends."""
        self._writable = False
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _read(self) -> None:
        """Reads and verifies what is new; what was known must still be there, byte by byte."""
        data = _read_all(self._descriptor)
        same = self._writable is False or _is_still(self.path, self._descriptor)
        if not same or hashlib.sha256(data[: self._size]).digest() != self._seen.digest():
            raise VerificationFailed(
                f"{self.name} was changed, replaced or removed while it was in use: it no longer holds the lines up to "
                f"line {len(self.lines)} that were read before",
                do="stop whatever else writes to it, restore the file and start again",
            )
        lines, self.torn = parse_chain(data[self._size :], self.name, self.head)
        self._know(lines, data[self._size : len(data) - self.torn])

    def _know(self, lines: list[Line], data: bytes) -> None:
        self.lines.extend(lines)
        self._seen.update(data)
        self._size += len(data)

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._descriptor, self._size)
            os.fsync(self._descriptor)
        except OSError:
            # What is left is a line without its end, which the next opening drops; nothing may follow it here.
            self._writable = False


def _is_still(path: Path, descriptor: int) -> bool:
    """Returns whether the path still leads to the file that was opened."""
    try:
        there, ours = path.stat(), os.fstat(descriptor)
    except OSError:
        return False
    return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as file:
        file.seek(0)
        return file.read()


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    done = 0
    while done < len(data):
        done += os.pwrite(descriptor, data[done:], offset + done)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refuse_to_write(name: str, error: OSError) -> NoReturn:
    raise MedsyngenError(
        f"the ledger {name} can't be opened or written: {os.strerror(error.errno or 0)}",
        do="free disk space or mend the folder's permissions; no private step runs before its charge is on disk",
    ) from error
