"""docs/reference/commands.md: every command with its arguments and options, by Typer's own writer of docs."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main
from click import Command
from typer.cli import get_docs_for_click

from medsyngen.cli.app import app

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "commands.md"
TOP = """\
# Commands

<!-- Written by `make reference` from the code; a test compares. -->

The same texts as `medsyngen COMMAND --help`. Which command reads private scans, and which is charged, stands in a
[table](../index.md#the-commands) of its own.

"""


def commands(command: Command, name: str) -> dict[str, Command]:
    """Returns every command below one, by its full name."""
    found = {name: command}
    for word, each in getattr(command, "commands", {}).items():
        found |= commands(each, f"{name} {word}")
    return found


def page() -> str:
    """Returns the whole page."""
    root = typer.main.get_command(app)
    text = get_docs_for_click(obj=root, ctx=typer.Context(root, info_name="medsyngen"), name="medsyngen")
    text = text.replace("# `medsyngen`\n", "## `medsyngen`\n", 1)
    group = "medsyngen"
    lines = []
    for line in text.splitlines():
        heading = re.fullmatch(r"#+ `(medsyngen[^`]*)`", line)
        group = heading[1] if heading else group
        listed = re.fullmatch(r"\* `([a-z]+)`: .*", line)  # cut short there; here the whole first sentence, and a link
        if listed:
            full = f"{group} {listed[1]}"
            told = commands(root, "medsyngen")[full].get_short_help_str(limit=300)
            line = f"* [`{listed[1]}`](#{full.replace(' ', '-')}): {told}"
        lines.append(line.rstrip())
    return TOP + "\n".join(lines).rstrip() + "\n"
