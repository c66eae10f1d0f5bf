"""Whose is what: which patients a text or a digest was seen under, in little memory."""

from __future__ import annotations

import hashlib

from medsyngen.scan import PatientKey


class Owners:
    """Things by the patients they stand under. Holds eight bytes of a hash each, never the thing itself.

    Two different things are taken for one with a chance of n² / 2⁶⁵: 3e-10 among 100,000. The hash is fixed, so what
    is said of a patient's own things depends on these alone.
    """

    def __init__(self) -> None:
        self._numbers: dict[PatientKey, int] = {}
        self._first: dict[int, int] = {}
        self._shared: dict[int, set[int]] = {}

    def add(self, thing: bytes, patient: PatientKey) -> bool:
        """Notes that a thing stands under a patient.

        Returns:
            Whether it was new under this patient.
        """
        owner = self._numbers.setdefault(patient, len(self._numbers))
        key = int.from_bytes(hashlib.blake2b(thing, digest_size=8).digest(), "big")
        first = self._first.setdefault(key, -1)
        if first < 0:
            self._first[key] = owner
            return True
        owners = self._shared.get(key, {first})
        if owner in owners:
            return False
        self._shared[key] = owners | {owner}
        return True

    @property
    def shared(self) -> int:
        """Things that stand under more than one patient."""
        return len(self._shared)
