"""Which patients were spent on in which run, as keyed fingerprints: to tell the operator, never to save budget.

A ledger charges every run in full, whoever its patients are. Whether a new cohort overlaps with an earlier one is still
worth knowing inside. The file lies beside the site's ledger, readable by its owner only, and never leaves.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from filelock import FileLock

from medsyngen.errors import MedsyngenError, VerificationFailed
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.scan import PatientKey


class PatientsCharged:
    """Fingerprints of patients by run: HMAC-SHA256 under a random key of this file, 16 bytes each.

    Inside only: with the file and a list of the hospital's patient IDs anyone can tell who was in a run.

    Args:
        ledger: The site's ledger; the file is ``<ledger>.patients``.
    """

    def __init__(self, ledger: Path) -> None:
        self.path = ledger.with_name(f"{ledger.name}.patients")

    def book(self, run: str, patients: Iterable[PatientKey]) -> tuple[str, ...]:
        """Notes the patients of a run and tells how many were in earlier ones.

        Args:
            run: The run's name; noted once, also when the run is resumed.
            patients: Its cohort.

        Returns:
            A sentence if any patient was in another run before, else nothing. For inside only.

        Raises:
            VerificationFailed: The file is damaged.
            MedsyngenError: It can't be written.
        """
        try:
            lock = FileLock(f"{self.path}.lock", mode=0o600).acquire()
        except OSError as error:
            raise MedsyngenError(
                f"{self.path.name}, the list of patients charged, can't be written: {os.strerror(error.errno or 0)}",
                do="mend the permissions of the ledger's folder; nothing was charged",
            ) from error
        with lock:
            plain = self._load()
            key = bytes.fromhex(plain["key"])
            ours = sorted({hmac.new(key, p.to_bytes(), hashlib.sha256).hexdigest()[:32] for p in patients})
            others = {name: set(theirs) for name, theirs in plain["runs"].items() if name != run}
            if plain["runs"].get(run) != ours:
                plain["runs"][run] = ours
                write_atomically(self.path, json.dumps(plain).encode())
        known = [mark for mark in ours if any(mark in theirs for theirs in others.values())]
        if not known:
            return ()
        runs = sum(bool(theirs & set(ours)) for theirs in others.values())
        return (
            f"{len(known)} of these patients were spent on before, in {runs} other run{'s' * (runs > 1)} of this "
            "ledger (inside only); every run is charged in full, so nothing is discounted",
        )

    def _load(self) -> dict[str, Any]:
        if not self.path.exists():
            return {"key": secrets.token_hex(32), "runs": {}}
        try:
            plain = json.loads(self.path.read_text("ascii"))
            bytes.fromhex(plain["key"])
            return {"key": plain["key"], "runs": dict(plain["runs"])}
        except (ValueError, KeyError, TypeError, OSError) as error:
            raise VerificationFailed(
                f"{self.path.name}, the list of patients charged, is damaged",
                do="restore it, or move it away: the next run begins a new one, and overlaps with earlier runs are no "
                "longer told",
            ) from error
