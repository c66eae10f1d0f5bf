"""Programs of others that judge written files, if they are on this machine: how each is called, and what it says.

Where a program is absent its verdict is "not run". Its words are never repeated: they may hold values of the files.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

Judge = Callable[[int, str], int]
"""(exit code, all that was printed) -> the number of errors."""

_SECONDS: Final = 300


@dataclass(frozen=True)
class Validator:
    """A program and how to ask it.

    Args:
        name: The program; the one beside this Python is preferred to the system's.
        arguments: What comes before the files.
        suffix: The files that it can judge end so.
        within: And lie in this folder of the cohort.
        judge: From its exit code and words to the number of errors.
        package: The Python package that it comes in, whose version is its own; "" where it can be asked itself.
        ask: Arguments with which it tells its version.
        together: Whether it judges files against each other, all in one call; otherwise one call a file.
        folder: Whether it is given the folder ``within`` in place of files.
    """

    name: str
    arguments: tuple[str, ...]
    suffix: str
    within: str
    judge: Judge
    package: str = ""
    ask: tuple[str, ...] = ()
    together: bool = False
    folder: bool = False

    @property
    def program(self) -> str | None:
        """Where it lies, or None."""
        beside = shutil.which(self.name, path=sysconfig.get_path("scripts"))
        return beside or shutil.which(self.name)

    def version(self, program: str) -> str:
        """Returns its version: of its package, or the first number that it tells."""
        if self.package and Path(program).is_relative_to(sysconfig.get_path("scripts")):
            try:
                return version(self.package)
            except PackageNotFoundError:
                pass
        told = _run([program, *self.ask])[1] if self.ask else ""
        found = re.search(r"\d+(\.\d+)+", told)
        return found[0] if found else "unknown"

    def errors(self, program: str, files: Sequence[Path]) -> int:
        """Returns the number of errors in these files; what can't be judged counts as one."""
        calls = [files] if self.together else [[file] for file in files]
        return sum(self.judge(*_run([program, *self.arguments, *map(str, call)])) for call in calls)


def _run(command: Sequence[str]) -> tuple[int, str]:
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_SECONDS, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return -1, ""
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "replace")


# What dciodvfy of 2022 (Debian 12) says of Synthetic Data, which the standard has had since 2024b.
_TOO_OLD: Final = re.compile(r"^Error - </\(0008,001c\)> - Attribute with an even group number is not", re.MULTILINE)


def _by_lines(code: int, told: str) -> int:
    """dciodvfy: a line each; its exit code misses some, so both count."""
    lines = re.findall(r"^Error\b.*$", told, re.MULTILINE)
    excused = len(_TOO_OLD.findall(told))
    return max(len(lines) - excused, int(code != 0 and len(lines) == 0))


def _silent(code: int, told: str) -> int:
    return int(code != 0) or len(re.findall(r"^Error\b", told, re.MULTILINE))


def _by_code(code: int, told: str) -> int:
    return int(code != 0)


def _good(code: int, told: str) -> int:
    return int(code != 0 or "IS GOOD" not in told)


VALIDATORS: Final = (
    Validator("dciodvfy", ("-new",), ".dcm", "dicom", _by_lines, package="dicom3tools"),
    Validator("dcentvfy", (), ".dcm", "dicom", _silent, package="dicom3tools", together=True),
    Validator("nifti_tool", ("-check_hdr", "-infiles"), ".nii.gz", "nifti", _good, ask=("-ver",)),
    Validator(
        "bids-validator-deno",
        ("--ignoreWarnings",),
        "",
        "bids",
        _by_code,
        package="bids-validator-deno",
        ask=("--version",),
        folder=True,
    ),
)
"""In the order of their verdicts."""
