"""The help texts under version control, and how little they load.

After a wanted change: ``MEDSYNGEN_UPDATE_GOLDEN=1 pytest tests/cli/test_help.py``, then read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "help"
COMMANDS = (
    "",
    "demo",
    "inspect",
    "recipes",
    "init",
    "plan",
    "audit",
    "phantoms",
    "phantoms draw",
    "phantoms bands",
    "fit",
    "export",
    "report",
    "evaluate",
    "verify",
    "ledger",
    "ledger create",
    "ledger show",
    "ledger close",
    "bench",
    "bench score",
)
HEAVY = ("torch", "monai", "matplotlib", "skimage", "scipy", "dp_accounting", "pydicom", "yaml")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_the_golden_one(cli, command):
    done = cli(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    golden = GOLDEN / f"{'-'.join(['medsyngen', *command.split()])}.txt"
    if os.environ.get("MEDSYNGEN_UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(done.out, encoding="utf-8")
    assert done.out == golden.read_text(encoding="utf-8")


def test_there_is_a_golden_text_for_every_command_and_no_other(cli):
    listed = cli("--help").out.partition("Commands:\n")[2].partition("\n\n")[0]
    names = {line.split()[0] for line in listed.splitlines()}
    assert names == {command.split()[0] for command in COMMANDS if command}
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {"-".join(["medsyngen", *c.split()]) for c in COMMANDS}


@pytest.mark.parametrize("command", ["fit", "demo", "phantoms draw", "phantoms bands", "evaluate", "init"])
def test_help_of_a_command_loads_nothing_heavy(process, command):
    show = f"""
import atexit, sys
atexit.register(lambda: print("LOADED", [name for name in {HEAVY!r} if name in sys.modules]))
"""
    done = process(*command.split(), "--help", before=show)
    assert done.code == 0
    assert "LOADED []" in done.out


def test_without_a_command_the_help_is_shown(cli):
    done = cli()
    assert done.code == 2
    assert "Commands:" in done.out + done.err


def test_the_version(cli):
    from medsyngen.version import __version__

    done = cli("--version")
    assert (done.code, done.out) == (0, f"medsyngen {__version__}\n")
