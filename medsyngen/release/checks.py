"""What a check of the release gate is, and the checks of the privacy facts.

A check reads public facts or written bytes, never a private pixel: whether it refuses must not depend on the scans
(except the search for identifiers, which can fire on a bug only and is then an incident).
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from pydicom.errors import InvalidDicomError

UNIT: Final = "patient"
RULES: Final = {"budget": ("G12",), "unit": ("G12",), "noise": ("G12",), "files": ("G8", "G11"), "bytes": ("G11",)}
"""The rules that the checks without a class of their own are part of."""

NONE_ASKED_FOR: Final = "no such file was asked for, and none is there"
"""What a check of a format has read where the cohort is not written in that format."""

CANT_CHECK: Final = (
    ArithmeticError,
    AttributeError,
    EOFError,
    InvalidDicomError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
"""What a check may fail with; a check that fails has not passed. Anything else stops the export altogether."""


@dataclass(frozen=True)
class Problem:
    """A reason against a release.

    Args:
        reason: What is wrong; names no private value.
        do: The next step.
        incident: True if patient data may stand in the cohort.
    """

    reason: str
    do: str
    incident: bool = False


@dataclass(frozen=True)
class Tool:
    """A program that looked at the files, and that is not part of medsyngen.

    Args:
        name: What it is called.
        version: As it says itself, or as its package does; "" where it is not on this machine.
    """

    name: str
    version: str


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    Args:
        check: Its name.
        read: What it looked at, in words; the same for every content of that form.
        problems: Reasons against the release; none means passed, or not run.
        rules: The rules of the gate (``docs/reference/release-gate.md``) that it is part of, such as ``G1``.
        tool: The foreign program that judged; None for a check of our own.
        ran: False where a foreign program is not on this machine: then nothing was found and nothing has passed.
    """

    check: str
    read: str
    problems: tuple[Problem, ...]
    rules: tuple[str, ...] = ()
    tool: Tool | None = None
    ran: bool = True

    @property
    def passed(self) -> bool:
        """True if there is no reason against the release."""
        return not self.problems

    @property
    def word(self) -> str:
        """``passed``, ``failed`` or ``not run``; what did not run is never said to have passed."""
        if not self.ran:
            return "not run"
        return "passed" if self.passed else "failed"


class FileCheck(Protocol):
    """A check that sees every written file once, in the order of their names.

    Its place in the gate is a line of :data:`medsyngen.release.check_list.FILE_CHECKS`.
    """

    name: str
    read: str
    rules: tuple[str, ...]
    """The rules of ``docs/reference/release-gate.md`` that it is part of."""

    def look(self, file: str, data: bytes) -> Iterable[Problem]:
        """Returns the problems of one file: its path relative to the cohort, and its bytes."""
        ...

    def finish(self) -> Iterable[Problem]:
        """Returns the problems that only all files together show."""
        ...


@dataclass(frozen=True)
class GuaranteeFacts:
    """What the ledger and the generator say about the privacy of what is to be released.

    Args:
        epsilon: ε spent, computed from the ledger's events; 0 for a generator that saw no patient.
        delta: δ of that ε.
        unit: The unit of privacy.
        seeded: True if any private draw came from a seed, ever (the mark is sticky).
        not_private: True if noise or clipping was switched off for a comparison.
        scans_read: False if no private scan was read at all: then nothing may have been spent.
    """

    epsilon: float
    delta: float
    unit: str
    seeded: bool
    not_private: bool
    scans_read: bool = True


def check_budget(facts: GuaranteeFacts, *, epsilon_budget: float, delta: float) -> Verdict:
    """Refuses unless 0 ≤ ε ≤ budget and 0 ≤ δ ≤ the gate's δ; a number that is not a number fits no budget."""
    problems = []
    if not (0.0 <= facts.epsilon <= epsilon_budget < math.inf):
        problems.append(
            Problem(
                f"ε = {facts.epsilon:g} is not within the budget of {epsilon_budget:g}",
                "export a run that stayed within its budget; what was spent can't be taken back",
            )
        )
    if not (0.0 <= facts.delta <= delta < 1.0):
        problems.append(Problem(f"δ = {facts.delta:g} is above {delta:g}", "compute ε at the δ of the ledger"))
    if facts.scans_read is True:
        return Verdict("budget", "ε and δ computed from the ledger's events", tuple(problems), RULES["budget"])
    if (facts.epsilon, facts.delta) != (0.0, 0.0):
        problems.append(Problem("no scan is said to have been read, but ε or δ is above 0", "export another run"))
    return Verdict("budget", "recipe and generator: no private scan was read", tuple(problems), RULES["budget"])


def check_unit(facts: GuaranteeFacts) -> Verdict:
    """Refuses unless the unit of privacy is the patient."""
    problems = []
    if facts.unit != UNIT:
        problems.append(
            Problem(
                f"the unit of privacy is the {facts.unit!s:.20}, not the patient",
                "fit again with patients as the unit; a patient with several images is not protected otherwise",
            )
        )
    read = "the unit of privacy in the ledger" if facts.scans_read is True else "the unit of ε and δ"
    return Verdict("unit", read, tuple(problems), RULES["unit"])


def check_noise(facts: GuaranteeFacts) -> Verdict:
    """Refuses a run whose noise came from a seed, or that had no noise or no clipping."""
    problems = []
    if facts.seeded is not False:
        problems.append(
            Problem("private draws came from a seed: the noise can be repeated", "fit again without a seed")
        )
    if facts.not_private is not False:
        problems.append(
            Problem("the run is marked NOT PRIVATE: noise or clipping was off", "fit again with noise and clipping")
        )
    read = "the sticky marks of the ledger and the generator" if facts.scans_read is True else "the generator's marks"
    return Verdict("noise", read, tuple(problems), RULES["noise"])
