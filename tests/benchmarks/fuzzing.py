"""2,000 mutations of real DICOM headers: how often each reason, and whether any ended the reader (`make prove`)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
COUNT = 2000


def fuzzing(data: Path | None = None) -> dict[str, Any]:
    """Mutates pydicom's own files, and the odd ones of the folder of real scans where it is there."""
    sys.path.insert(0, str(TESTS))
    import fuzzing as mutations

    odd = data / "dicom_odd_dev" if data is not None else None
    with tempfile.TemporaryDirectory() as keep:
        said = mutations.outcomes(COUNT, 7, Path(keep), odd if odd is not None and odd.is_dir() else None)
        kept = sorted(path.name for path in Path(keep).iterdir())
    mistakes = {outcome: count for outcome, count in said.items() if outcome.startswith(("BUG", "read: not"))}
    if mistakes:
        raise SystemExit(f"mutations showed mistakes: {mistakes}")
    return {"mutations": COUNT, "outcomes": dict(said.most_common()), "ended_the_reader": kept}
