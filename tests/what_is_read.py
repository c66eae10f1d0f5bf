"""What came of every file of a folder: a table for docs/reference/what-is-read.md, and the test that it is true.

A page holds a table between ``<!-- FOLDER -->`` and ``<!-- end -->``; MEDSYNGEN_UPDATE_GOLDEN=1 writes it anew.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from medsyngen.formats.refusal import ScanRefused

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "what-is-read.md"


def outcome(read: Callable[[Path], str], path: Path) -> str:
    """Returns ``read: ...`` with what ``read`` says of it, or ``refused: REASON (detail)``."""
    try:
        return f"read: {read(path)}"
    except ScanRefused as refused:
        detail = f" ({refused.detail})" if refused.detail else ""
        return f"refused: `{refused.reason}`{detail}"


def table(rows: Iterable[tuple[str, ...]], heads: tuple[str, ...] = ("file", "what came of it")) -> str:
    """Returns rows of texts as Markdown."""
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "".join("| " + " | ".join(text.replace("|", "\\|") for text in line) + " |\n" for line in lines)


def check(folder: str, text: str) -> None:
    """Compares a table with the page, or writes it there."""
    page = PAGE.read_text()
    marks = re.compile(rf"(<!-- {re.escape(folder)} -->\n)(.*?)(<!-- end -->)", re.DOTALL)
    found = marks.search(page)
    assert found, f"{PAGE.name} has no place for {folder}"
    if os.environ.get("MEDSYNGEN_UPDATE_GOLDEN"):
        PAGE.write_text(page[: found.start(2)] + text + page[found.end(2) :])
    else:
        assert found[2] == text
