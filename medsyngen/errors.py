"""The small family of errors that medsyngen raises on purpose.

Every one says what is wrong, why, and what to do next; none of them carries patient data (names, identifiers,
dates, paths below the scans folder): files are named by their case id. The command line turns each into its exit code.
"""

from __future__ import annotations

from collections.abc import Sequence


class MedsyngenError(Exception):
    """A failure that the user can act on.

    Args:
        what: The case and the reason, in one sentence.
        do: The next step that mends it.
        details: Further lines, for instance every bad file (all of them, not the first).
    """

    exit_code = 1

    def __init__(self, what: str, *, do: str, details: Sequence[str] = ()) -> None:
        super().__init__(what)
        self.what = what
        self.do = do
        self.details = tuple(details)


class UsageError(MedsyngenError):
    """A command or recipe that can't be carried out as written."""

    exit_code = 2


class InputUnusable(MedsyngenError):
    """The scans can't be used at all, or their privacy unit is broken."""

    exit_code = 3


class TooManySkipped(MedsyngenError):
    """More files were refused than the recipe allows."""

    exit_code = 4


class BudgetRefused(MedsyngenError):
    """The privacy budget, or a rule of the guarantee, refuses the charge."""

    exit_code = 5


class ReleaseRefused(MedsyngenError):
    """The release gate found a reason against this cohort."""

    exit_code = 6


class VerificationFailed(MedsyngenError):
    """A ledger, report or cohort is not what it says it is."""

    exit_code = 7
