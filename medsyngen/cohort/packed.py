"""Many short texts in little memory: what 100,000 files say alike is kept compressed, and read in order."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Final

_BLOCK: Final = 128 << 10  # characters: long enough for one file's words to be found again in the next one's


class PackedLines:
    """Lines of text in the order in which they came; to be added to and iterated over, any number of times."""

    def __init__(self) -> None:
        self._blocks: list[bytes] = []
        self._open: list[str] = []
        self._room = _BLOCK
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, line: str) -> None:
        """Adds a line.

        Args:
            line: Without a line feed. Lone surrogates, as in names on disk that are no valid text, are kept.

        Raises:
            ValueError: It has one.
        """
        if "\n" in line:
            raise ValueError("more than one line")
        self._open.append(line)
        self._count += 1
        self._room -= len(line)
        if self._room < 0:
            self._blocks.append(zlib.compress("\n".join(self._open).encode("utf-8", "surrogatepass"), 1))
            self._open, self._room = [], _BLOCK

    def __iter__(self) -> Iterator[str]:
        for block in self._blocks:
            yield from zlib.decompress(block).decode("utf-8", "surrogatepass").split("\n")
        yield from self._open
