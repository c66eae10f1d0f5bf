"""The facts of many files: from the index on disk where they are known, else read, in processes that may die."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from medsyngen.cohort.disk_index import DiskIndex
from medsyngen.cohort.fact_reading import Told, from_batch, read_batch
from medsyngen.cohort.file_facts import FileFacts, from_text, to_text
from medsyngen.cohort.source_texts import check_line, texts_to_line
from medsyngen.cohort.walking import FoundFile, Kind
from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused

_CHUNK: Final = 256  # files a process: their facts are in memory at once
_BATCH: Final = 32
FEW_FILES: Final = 200
"""Fewer than that are read in this process: starting others would take longer. Headers are parsed in Python ..."""
SMALL_FILE: Final = 1 << 20
"""... and a file of this size, in bytes, can't make that take much memory or time."""

Facts = tuple[FoundFile, FileFacts, str]
_Read = tuple[FileFacts, str, str]  # with the facts as text


class FileReader:
    """Reads files up to their pixels; a context manager.

    Args:
        root: SCANS.
        index: Where facts are kept; None keeps none.
        processes: That read at the same time.
    """

    def __init__(self, root: Path, index: Path | None = None, *, processes: int = 1) -> None:
        self._root, self._processes = root, processes
        self._index = None if index is None else DiskIndex(index)
        self._held = ExitStack()
        self._workers: ReadingWorkers | None = None
        self._second: ReadingWorkers | None = None  # for files that are read again while the others are at work
        self.read_now = 0
        """Files that were not in the index."""

    def __enter__(self) -> Self:
        if self._index is not None:
            self._held.enter_context(self._index)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.__exit__(kind, error, trace)

    def facts(self, files: Iterable[FoundFile]) -> Iterator[Facts]:
        """Yields each file with its facts and the texts of its header, in their order."""
        for chunk in _batched(files, _CHUNK * max(2, self._processes)):
            told = {file.locator: _unread(Kind.UNREADABLE, file.problem) for file in chunk if file.problem}
            told |= {file.locator: _by_kind(file.kind) for file in chunk if file.kind is not None}
            open_ones = [file for file in chunk if file.locator not in told]
            known = self._index.known(open_ones) if self._index is not None else {}
            told |= known
            fresh = self._read([file for file in open_ones if file.locator not in known])
            for file in chunk:
                yield file, *(told[file.locator] if file.locator in told else next(fresh))
            for _ in fresh:  # nothing is left, but what was read is now kept
                raise ValueError("more facts than files")

    def _read(self, files: Sequence[FoundFile]) -> Iterator[Told]:
        for batch, answer in zip(_batched(files, _BATCH), self._answers(files), strict=True):
            read = _checked(answer, len(batch)) or [self._one(file) for file in batch]
            self.read_now += len(batch)
            if self._index is not None:
                self._index.keep((file, line, texts) for file, (_, line, texts) in zip(batch, read, strict=True))
            yield from ((facts, texts) for facts, _, texts in read)

    def _answers(self, files: Sequence[FoundFile]) -> Iterator[bytes | ScanRefused]:
        batches = (self._addresses(batch) for batch in _batched(files, _BATCH))
        if self._workers is None and len(files) < FEW_FILES and all(file.size <= SMALL_FILE for file in files):
            return map(read_batch, batches)
        if self._workers is None:
            self._workers = self._held.enter_context(ReadingWorkers(self._processes))
        return self._workers.imap(read_batch, batches)

    def _one(self, file: FoundFile) -> _Read:
        """Reads again what a process left unanswered: one file ended it, and only that one is refused."""
        reason, detail = "reader-died", ""
        try:
            if self._second is None:
                self._second = self._held.enter_context(ReadingWorkers())
            if found := _checked(self._second.map_one(read_batch, self._addresses([file])), 1):
                return found[0]
        except ScanRefused as refused:
            reason, detail = refused.reason, refused.detail
        facts, texts = _unread(Kind.UNREADABLE, reason, detail)
        return facts, to_text(facts), texts

    def _addresses(self, files: Sequence[FoundFile]) -> tuple[tuple[str, str], ...]:
        return tuple((str(self._root / file.locator), file.locator) for file in files)


def _checked(answer: object, count: int) -> list[_Read] | None:
    """Returns what a process answered, or None if it can't be an answer: a file may have taken the process over."""
    if not isinstance(answer, bytes):
        return None
    try:
        found = from_batch(answer, count)
        for _, texts in found:
            check_line(texts)
        return [(from_text(facts), facts, texts) for facts, texts in found]
    except ValueError:
        return None


def _batched(files: Iterable[FoundFile], count: int) -> Iterator[list[FoundFile]]:
    rest = iter(files)
    while batch := list(islice(rest, count)):
        yield batch


def _by_kind(kind: Kind | None) -> Told:
    kind = kind or Kind.UNKNOWN
    return _unread(kind, "" if kind is Kind.SIDE else kind.value)


def _unread(kind: Kind, reason: str, detail: str = "") -> Told:
    return FileFacts(kind, (reason, detail) if reason else ()), texts_to_line(())
