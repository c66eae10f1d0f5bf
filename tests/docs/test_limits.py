"""Every figure of the page of limits, and the tutorial's time, stand in a file of measured figures."""

from __future__ import annotations

import json
import re
import shlex
from functools import reduce

import pytest

from tests.benchmarks import tutorial
from tests.docs.pages import DOCS

PAGE = DOCS / "explanation" / "limits.md"
ROW = re.compile(r"^\| (?P<what>.+?) \| (?P<figure>[\d.,-]+) \| \[\w+\]\((?P<file>\S+)\) \| `(?P<at>[^`]+)` \|$", re.M)
FOUND = [found.groupdict() for found in ROW.finditer(PAGE.read_text("utf-8"))]


def shown(value: float, like: str) -> str:
    """The value with as many digits behind the point as the page shows."""
    return f"{value:,.{len(like.partition('.')[2])}f}"


def test_each_line_of_each_table_is_looked_at():
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| (?!measured)[^-]", line)]
    assert len(FOUND) == len(lines) > 10


@pytest.mark.parametrize("row", FOUND, ids=lambda row: row["what"][:40])
def test_a_figure_is_the_measured_one(row):
    measured = json.loads((PAGE.parent / row["file"]).read_text("utf-8"))
    value = reduce(lambda part, key: part[key], row["at"].split("."), measured)
    assert row["figure"] == shown(value, row["figure"])


def test_the_tutorial_tells_the_time_of_the_commands_that_it_shows():
    measured = json.loads(tutorial.OUT.read_text("utf-8"))
    assert [row["command"] for row in measured["commands"]] == [
        shlex.join(["medsyngen", *words]) for words in tutorial.commands()
    ], "run `python -m tests.benchmarks.tutorial` again"
    seconds = measured["total"]["processor_seconds"]
    assert f"[{seconds:.0f} s of processor time](../benchmarks/tutorial.json)" in tutorial.PAGE.read_text("utf-8")
