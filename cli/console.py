"""All that the commands print: text, tables, JSON, errors, progress. The only importer of rich."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from medsyngen.parallel import rank_here
from medsyngen.progress import Progress

LEAST_SECONDS = 5.0
MOST_SECONDS = 60.0
STEPS = 10
LEAST_RATE = 10
"""Work that is done at least so often a second is told with its rate: files, not steps of a training."""


class Console:
    """Where a command's words go: human text to stdout, or to stderr when stdout is for machines.

    Args:
        machine: True if the command prints JSON to stdout.
    """

    def __init__(self, *, machine: bool = False) -> None:
        self._machine = machine

    @property
    def _stream(self) -> TextIO:
        return sys.stderr if self._machine else sys.stdout

    def say(self, text: str = "") -> None:
        """Prints text for people."""
        _write(self._stream, text)

    def result(self, value: Mapping[str, Any] | Sequence[Any]) -> None:
        """Prints the command's result as JSON to stdout, if it was asked for."""
        if self._machine:
            _write(sys.stdout, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Prints a table for people; empty tables are left out."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        if not rows:
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=any(columns))
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in rows:
            # Text, not markup: a name in brackets must not vanish.
            table.add_row(*(Text(cell) for cell in row))
        _rich(self._stream).print(table)

    def error(self, what: str, details: Sequence[str] = (), do: str = "") -> None:
        """Prints what is wrong, every detail, and what to do next, always to stderr."""
        from rich.text import Text

        console = _rich(sys.stderr)
        console.print(Text.assemble(("error: ", "bold red"), what), soft_wrap=True)
        for line in details:
            console.print(Text(f"  {line}"), soft_wrap=True)
        if do:
            console.print(Text.assemble(("next: ", "bold"), do), soft_wrap=True)

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yields a progress callback: a bar on a terminal, now and then a line otherwise; both on stderr."""
        console = _rich(sys.stderr)
        if not console.is_terminal or console.is_dumb_terminal:
            yield PlainProgress(lambda text: _write(sys.stderr, text))
            return
        with _bars(console) as callback:
            yield callback


class PlainProgress:
    """Lines for a log: when a phase begins and ends, between at every tenth but not within 5 s, and once a minute.

    Args:
        write: Takes one line.
        clock: Seconds; replaced in tests.
    """

    def __init__(self, write: Callable[[str], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._write = write
        self._clock = clock
        self._phase = ""
        self._began = self._last = 0.0
        self._begun_with = self._tenth = 0

    def __call__(self, phase: str, done: int, total: int) -> None:
        """See :data:`medsyngen.progress.Progress`."""
        now = self._clock()
        tenth = STEPS * done // max(1, total)
        name = phase.partition(";")[0]
        fresh = name != self._phase
        if fresh:
            self._phase, self._began, self._begun_with = name, now, done
        waited = now - self._last
        due = (tenth > self._tenth and waited >= LEAST_SECONDS) or waited >= MOST_SECONDS
        if fresh or done >= total or due:
            self._last, self._tenth = now, tenth
            self._write(f"{phase}: {done} of {total}{self._left(now, done, total)}")

    def _left(self, now: float, done: int, total: int) -> str:
        worked, took = done - self._begun_with, now - self._began
        if worked <= 0:
            return ""
        rate = f", {worked / took:,.0f} a second" if took >= 1.0 and worked >= LEAST_RATE * took else ""
        return rate if done >= total else f"{rate}, about {spell_seconds(took / worked * (total - done))} left"


def spell_seconds(seconds: float) -> str:
    """Returns a length of time for people: ``40 s``, ``12 min``, ``3 h 05 min``."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    minutes = round(whole / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def _bars(console: Any) -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed or 0.0
            return Text(f"{speed:,.0f} a second" if speed >= LEAST_RATE else "")

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate(), TimeRemainingColumn())
    with Bars(*columns, console=console) as bars:
        tasks: dict[str, Any] = {}

        def callback(phase: str, done: int, total: int) -> None:
            name, described = phase.partition(";")[0], phase.replace("[", r"\[")
            if name not in tasks:
                tasks[name] = bars.add_task(described, total=total)
            bars.update(tasks[name], description=described, completed=done, total=total)

        yield callback


def _rich(stream: TextIO) -> Any:
    """Returns rich's console on a stream; it heeds NO_COLOR and TERM itself."""
    from rich.console import Console as RichConsole

    console = RichConsole(file=stream, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = max(console.width, 120)  # a log has no edge: 80 columns would only break lines
    return console


def print_what_the_terminal_can() -> None:
    """Makes letters such as ε a question mark where the terminal has none, instead of an error.

    Of many processes under torchrun only the first prints: it tells what happened to the others.
    """
    if rank_here() > 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for descriptor in (1, 2):  # also what libraries print past Python
            os.dup2(nowhere, descriptor)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _write(stream: TextIO, text: str) -> None:
    stream.write(f"{text}\n")
    stream.flush()


def fill(text: str) -> str:
    """Returns text in lines as wide as the terminal, 40 to 100 characters; no word is broken."""
    width = max(40, min(shutil.get_terminal_size((100, 24)).columns, 100))
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)
