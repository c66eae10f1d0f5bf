"""Lines for a log, words for times, and what goes to which stream."""

from __future__ import annotations

import importlib
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

console = importlib.import_module("medsyngen.cli.console")


def played(events: list[tuple[float, str, int, int]]) -> list[str]:
    """Lines of (seconds, phase, done, total)."""
    lines: list[str] = []
    now = [0.0]
    progress = console.PlainProgress(lines.append, lambda: now[0])
    for at, phase, done, total in events:
        now[0] = at
        progress(phase, done, total)
    return lines


def test_a_quick_phase_has_its_first_and_last_line_only():
    lines = played([(0.01 * i, "reading", i, 500) for i in range(1, 501)])
    assert lines == ["reading: 1 of 500", "reading: 500 of 500, 100 a second"]


def test_a_slow_phase_tells_every_tenth_and_the_time_left():
    lines = played([(10.0 * i, "training", i, 100) for i in range(1, 101)])
    assert [line.split(",")[0] for line in lines][:3] == [
        "training: 1 of 100",
        "training: 7 of 100",
        "training: 10 of 100",
    ]
    assert "training: 50 of 100, about 8 min left" in lines
    assert lines[-1] == "training: 100 of 100"


def test_a_very_slow_step_is_told_once_a_minute():
    lines = played([(30.0 * i, "training", i, 1000) for i in range(1, 21)])
    assert len(lines) == 1 + 19 // 2


def test_every_phase_begins_with_a_line():
    lines = played([(0.0, "one", 1, 3), (0.1, "two", 1, 3), (0.2, "two", 3, 3)])
    assert lines == ["one: 1 of 3", "two: 1 of 3", "two: 3 of 3"]


@given(st.lists(st.floats(0.0, 3.0), min_size=2, max_size=300))
def test_lines_keep_their_distance_but_for_the_first_and_last(gaps: list[float]):
    at, events = 0.0, []
    for i, gap in enumerate(gaps, start=1):
        at += gap
        events.append((at, "training", i, len(gaps)))
    lines = played(events)
    when = {f"training: {done} of {len(gaps)}": seconds for seconds, _, done, _ in events}
    times = [when[line.split(",")[0]] for line in lines]
    assert lines[0].startswith("training: 1 of")
    assert lines[-1] == f"training: {len(gaps)} of {len(gaps)}"
    assert all(b - a >= console.LEAST_SECONDS for a, b in itertools.pairwise(times[:-1]))


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (99.4, "99 s"), (100, "2 min"), (3600, "60 min"), (11100, "3 h 05 min")]
)
def test_times_in_words(seconds, words):
    assert console.spell_seconds(seconds) == words


def test_machines_read_stdout_and_people_stderr(capsys):
    both = console.Console(machine=True)
    both.say("for people")
    both.result({"ε": 1.5})
    both.table(("case",), [("[red]case 1",)])
    out, err = capsys.readouterr()
    assert json.loads(out) == {"ε": 1.5}
    assert "for people" in err
    assert "[red]case 1" in err


def test_without_machines_people_read_stdout(capsys):
    plain = console.Console()
    plain.say("for people")
    plain.result({"not": "shown"})
    assert capsys.readouterr() == ("for people\n", "")


def test_infinity_is_never_written_as_json():
    with pytest.raises(ValueError, match="JSON"):
        console.Console(machine=True).result({"epsilon": float("inf")})


def test_progress_away_from_a_terminal_is_lines_on_stderr(capsys):
    with console.Console().progress() as progress:
        progress("reading [scans]", 1, 2)
        progress("reading [scans]", 2, 2)
    assert capsys.readouterr() == ("", "reading [scans]: 1 of 2\nreading [scans]: 2 of 2\n")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_a_terminal_gets_a_bar_and_colour_unless_told_otherwise(monkeypatch, capsys, no_color, coloured):
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes the captured stream for a terminal
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", no_color)
    with console.Console().progress() as progress:
        progress("reading [scans]", 1, 2)
        progress("reading [scans]", 2, 2)
    console.Console().error("what", do="this")
    err = capsys.readouterr().err
    assert "reading [scans]" in err
    assert "2/2" in err
    assert ("\x1b[1;31m" in err) == coloured


def test_a_status_behind_the_phase_is_shown_and_begins_no_new_phase() -> None:
    lines: list[str] = []
    times = iter(range(0, 1000, 6))
    progress = console.PlainProgress(lines.append, clock=lambda: float(next(times)))
    for done, epsilon in ((1, "2"), (5, "4"), (10, "8")):
        progress(f"private training; ε = {epsilon} charged so far", done, 10)
    assert [line.partition(":")[0] for line in lines] == [
        f"private training; ε = {epsilon} charged so far" for epsilon in ("2", "4", "8")
    ]
    assert "left" in lines[1]  # the time left counts from the phase's beginning
