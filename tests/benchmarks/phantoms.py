"""How many phantoms a processor core draws in a second.

    python -m tests.benchmarks.phantoms [--names NAME ...] [--seconds 1] [--out docs/benchmarks/phantoms.json]

Processor time of one thread, batches of 96 as public training draws them, the best of three turns: what else runs on
the machine makes a turn longer, never shorter. Measures every phantom of the catalogue; with --names only those, beside
what the file holds already.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from medsyngen.phantoms.catalogue import PHANTOMS
from medsyngen.phantoms.source import PhantomSource, draw_phantoms
from tests.benchmarks.prove import OUT, machine

SIZES = (28, 32, 64, 128)
BATCH = 96
TURNS = 3


def images_a_second(source: PhantomSource, size: int, seconds: float = 1.0) -> float:
    """Draws batches for at least so many seconds in all; returns the rate of the best turn."""
    rng = np.random.default_rng(0)
    draw_phantoms(source, 8, size, rng)  # imports and caches
    best = 0.0
    for _ in range(TURNS):
        start, drawn = time.process_time(), 0
        while (took := time.process_time() - start) < seconds / TURNS or not drawn:
            draw_phantoms(source, BATCH, size, rng)
            drawn += BATCH
        best = max(best, drawn / took)
    return best


def phantoms(names: tuple[str, ...] = (), seconds: float = 1.0) -> dict[str, Any]:
    """Images a second of every phantom, or of the named ones, at every size."""
    rates = {}
    for name in names or tuple(PHANTOMS):
        source = PHANTOMS[name]
        by_size = {str(size): round(images_a_second(source, size, seconds)) for size in SIZES}
        rates[name] = {"version": source.version, **by_size}
        sys.stderr.write(f"{name}: {rates[name]}\n")
    return {"unit": "images a second of processor time, one thread", "batch": BATCH, "phantoms": rates}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", nargs="+", choices=list(PHANTOMS), default=[])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--out", type=Path, default=OUT / "phantoms.json")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1: the figures are of one thread")
    before = json.loads(options.out.read_text())["phantoms"] if options.names and options.out.exists() else {}
    said = phantoms(tuple(options.names), options.seconds)
    said["phantoms"] = {**before, **said["phantoms"]}
    options.out.write_text(json.dumps({**said, "machine": machine()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
