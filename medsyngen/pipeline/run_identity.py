"""What a run is called in the ledger that it charges, kept inside the run folder."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.privacy.ledger import Ledger


@dataclass(frozen=True)
class RunIdentity:
    """What a run is called in which ledger.

    Args:
        run: Its name, random.
        site: The ledger of the site that it charges, or None: a ledger of its own, in RUN.
    """

    run: str
    site: Path | None

    @classmethod
    def new(cls, site: Path | None) -> RunIdentity:
        """Returns a new name from the operating system's entropy."""
        return cls(secrets.token_hex(8), site.resolve() if site is not None else None)

    def claim(self, folder: RunFolder) -> None:
        """Writes it into ``RUN/private/``; the folder must be locked.

        Raises:
            UsageError: Another process began a run here in the meantime.
        """
        there = RunIdentity.load(folder)
        if there not in (None, self):
            raise UsageError(
                "another process began a run in this run folder in the meantime; nothing was charged",
                do="wait until it has finished, then try again",
            )
        plain = {"run": self.run, "ledger": None if self.site is None else str(self.site)}
        write_atomically(folder.identity_file, json.dumps(plain).encode())

    @classmethod
    def load(cls, folder: RunFolder) -> RunIdentity | None:
        """Reads it, or returns None where no run has begun.

        Raises:
            VerificationFailed: The file is damaged.
        """
        if not folder.identity_file.is_file():
            return None
        try:
            plain = json.loads(folder.identity_file.read_text("utf-8"))
            return cls(str(plain["run"]), None if plain["ledger"] is None else Path(plain["ledger"]))
        except (ValueError, KeyError, TypeError) as error:
            raise VerificationFailed(
                f"private/{folder.identity_file.name} of the run folder is damaged",
                do="use a new run folder; what was charged stays charged",
            ) from error

    def open_ledger(self, folder: RunFolder, chosen: Path | None = None) -> Ledger:
        """Opens the ledger for reading, after checking that it still holds all that the run folder has seen of it.

        Raises:
            VerificationFailed: It isn't there, or is shorter or another one than the run folder's copy.
        """
        ledger = Ledger.open(self.ledger_file(folder, chosen), read_only=True)
        if self.site is not None and folder.ledger_file.is_file():
            with Ledger.open(folder.ledger_file, read_only=True) as copy:
                ledger.check_head(copy.head, "the run folder's copy of it")
        if self.run not in ledger.runs:
            raise VerificationFailed(
                "the ledger does not know this run", do="name the ledger that it was charged to with --ledger"
            )
        return ledger

    def ledger_file(self, folder: RunFolder, chosen: Path | None = None) -> Path:
        """Returns the ledger that the run charges.

        Args:
            folder: RUN.
            chosen: Where the site's ledger lies now, if it was moved.

        Raises:
            VerificationFailed: It isn't there any more.
        """
        path = folder.ledger_file if self.site is None else chosen or self.site
        if not path.is_file():
            raise VerificationFailed(
                f"the ledger {path.name} that this run was charged to is not where it was",
                do="bring it back, or name its new place with --ledger; without it nobody can say what was spent",
            )
        return path
