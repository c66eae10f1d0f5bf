"""Peak memory of this process alone."""

from __future__ import annotations

from pathlib import Path


def peak_mb() -> float:
    """Returns the most memory that this process held since it began, in MB (Linux).

    ``getrusage`` will not do: its maximum outlives ``exec``, so a child of a large process starts with that one's.
    """
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
