"""How long work tells what it is doing: one callback, shown as a bar by the terminal and as lines by a log."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""Called with (phase, done, total). Phases are words for people, such as ``private training``.

What follows a semicolon is a status that may change within the phase, such as the privacy spent so far.
"""


def silent(phase: str, done: int, total: int) -> None:
    """The progress callback that shows nothing."""
