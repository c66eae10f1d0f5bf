"""How long 1,000 images take through the release gate, and how long a reviewer's verification takes.

    python -m tests.benchmarks.gate > docs/benchmarks/gate.json

1,000 pictures of 64 x 64 pixels (DICOM and PNG, 2,005 files), 10,000 source identifiers to search for; the reviewer's
check of the whole cohort by the package and by the one file for bare Python. Best of three, one thread.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # released.py, beside the tests

from released import release_cohort

from medsyngen.release.gate import ReleaseGate
from medsyngen.release.validators import VALIDATORS
from medsyngen.verification.packing import pack
from medsyngen.verification.verify import verify

IMAGES, SIDE, IDENTIFIERS = 1000, 64, 10_000


def timed(call: Callable[[], Any]) -> float:
    """Returns the seconds of the quickest of three calls."""
    found = []
    for _ in range(3):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return round(min(found), 1)


def gate_seconds(folder: Path, validators: tuple[Any, ...]) -> tuple[float, Path]:
    """Returns the seconds of a review of a fresh cohort, and the cohort."""
    found: list[float] = []
    review = ReleaseGate.review

    def watched(self: ReleaseGate, draft: Any, **more: Any) -> Any:
        more["identifiers"] = frozenset(f"PATIENT-{i:06d}" for i in range(IDENTIFIERS))
        passed = []
        found.append(timed(lambda: passed.append(review(self, draft, **more))))
        return passed[0]

    folder.mkdir()
    with mock.patch.object(ReleaseGate, "review", watched):
        cohort = release_cohort(folder, count=IMAGES, shape=(SIDE, SIDE), validators=validators)
    return found[0], cohort


def main() -> None:
    """Prints the figures as JSON."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        ours, cohort = gate_seconds(place / "ours", ())
        here = tuple(validator for validator in VALIDATORS if validator.program)
        with_others, _ = gate_seconds(place / "others", here)
        assert not verify(cohort).failures
        one_file = pack(place / "verify.pyz")
        command = [sys.executable, "-I", "-S", str(one_file), str(cohort)]
        figures = {
            "images": IMAGES,
            "side": SIDE,
            "files": sum(path.is_file() for path in cohort.rglob("*")) - 1,
            "megabytes": round(sum(path.stat().st_size for path in cohort.rglob("*") if path.is_file()) / 1e6, 1),
            "source_identifiers": IDENTIFIERS,
            "gate_seconds": ours,
            "gate_seconds_with_validators": with_others,
            "validators": [validator.name for validator in here if validator.name in ("dciodvfy", "dcentvfy")],
            "verify_seconds": timed(lambda: verify(cohort)),
            "verify_seconds_one_file_bare_python": timed(
                lambda: subprocess.run(command, check=True, capture_output=True)
            ),
            "verifier_kilobytes": round(one_file.stat().st_size / 1e3),
            "load_of_the_machine": [round(each, 1) for each in os.getloadavg()],
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
