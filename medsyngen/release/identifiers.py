"""The list of source identifiers in a run's private folder, as the gate reads it: whole, or not at all."""

from __future__ import annotations

from pathlib import Path

from medsyngen.cohort.identifiers import read_identifiers


def load_identifiers(path: Path) -> frozenset[str] | None:
    """Returns the list, or None if there is none or it is damaged: the gate refuses then.

    Args:
        path: As written by :func:`medsyngen.cohort.identifiers.write_identifiers`.
    """
    try:
        return read_identifiers(path)
    except (OSError, ValueError):
        return None
