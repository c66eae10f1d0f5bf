"""Check: programs of others find no error in one file of each kind and 20 drawn ones (rule G10)."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from medsyngen.release.checks import Problem, Tool, Verdict
from medsyngen.release.validators import VALIDATORS, Validator

DRAWN: Final = 20
_RULES: Final = ("G10",)


def check_validators(folder: Path, files: Sequence[str], validators: Sequence[Validator] = VALIDATORS) -> list[Verdict]:
    """Asks each program about some of the files that it understands.

    Args:
        folder: The draft's.
        files: Every file in it.
        validators: The programs.

    Returns:
        A verdict for each program whose kind of file is in the draft; "not run" where the program is not here.
    """
    return list(_verdicts(folder, files, validators))


def _verdicts(folder: Path, files: Sequence[str], validators: Sequence[Validator]) -> Iterator[Verdict]:
    for validator in validators:
        within = [file for file in files if file.startswith(f"{validator.within}/") and file.endswith(validator.suffix)]
        if not within:
            continue
        program = validator.program
        chosen = [validator.within] if validator.folder else drawn(within)
        read = "the whole dataset" if validator.folder else f"one file of its kind, and up to {DRAWN} drawn by chance"
        if program is None:
            tool = Tool(validator.name, "")
            yield Verdict(validator.name, f"{read}: the program is not on this machine", (), _RULES, tool, ran=False)
            continue
        errors = validator.errors(program, [folder / file for file in chosen])
        problem = Problem(f"{errors} errors in the files", "report it as a bug in medsyngen, or in the program")
        tool = Tool(validator.name, validator.version(program))
        yield Verdict(validator.name, read, (problem,) if errors else (), _RULES, tool)


def drawn(files: Sequence[str]) -> list[str]:
    """Returns the first file, and some drawn by chance from the others."""
    first, *rest = sorted(files)
    return sorted([first, *secrets.SystemRandom().sample(rest, min(DRAWN, len(rest)))])
