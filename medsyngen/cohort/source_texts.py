"""All texts of SCANS that may identify someone, held small until the release gate's list is made of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from medsyngen.cohort.identifiers import path_identifiers
from medsyngen.cohort.packed import PackedLines

_REMEMBERED: Final = 20_000  # texts: most of a header stands in the next one, too


class SourceTexts:
    """Texts of headers and paths; to be added to and iterated over. Private.

    A text may come more than once; none is left out.
    """

    def __init__(self) -> None:
        self._lines = PackedLines()

    def add_header(self, texts: str) -> None:
        """Adds the texts of a header.

        Args:
            texts: From :func:`texts_to_line`.
        """
        if texts != _NOTHING:
            self._lines.append(texts)

    def add_path(self, locator: str) -> None:
        """Adds a path relative to SCANS, by its folders and its stem."""
        self._lines.append(json.dumps(locator))

    def add(self, text: str) -> None:
        """Adds one text as it is."""
        self._lines.append(texts_to_line([text]))

    def __iter__(self) -> Iterator[str]:
        seen: set[str] = set()
        for line in self._lines:
            value = json.loads(line)
            for text in path_identifiers(value) if isinstance(value, str) else value:
                if text not in seen:
                    seen.add(text)
                    yield text
            if len(seen) > _REMEMBERED:
                seen.clear()


def texts_to_line(texts: Iterable[str]) -> str:
    """Returns texts as one line."""
    return json.dumps(list(texts))


def check_line(line: str) -> None:
    """Checks that a line is one of :func:`texts_to_line`.

    Raises:
        ValueError: It is not.
    """
    value = json.loads(line) if "\n" not in line else None
    if not isinstance(value, list) or not all([type(text) is str for text in value]):
        raise ValueError("not a list of texts")


_NOTHING: Final = texts_to_line(())
