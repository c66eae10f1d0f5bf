"""How long do votes take? Embedding of scans and of variations, and the nearest member of each scan.

    python -m tests.benchmarks.votes [--scans 10000] [--members 4000] [--lookahead 8] [--out docs/benchmarks/votes.json]

Chest phantoms of 28 pixels stand for scans and for variations; one noise field a picture, so that none are alike. A
member's place is the mean embedding of its variations. Scans are embedded once a run, so their time counts in the first
iteration only. Drawing the variations is the source's time and not counted. Seconds are wall time, of processor time
beside it; ``lite0`` is timed on fewer images, and its whole is calculated.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import draw_phantoms
from medsyngen.scan import Pixels
from medsyngen.synthesis.embedding import embedded
from medsyngen.synthesis.nearest import nearest
from tests.benchmarks.prove import OUT, machine

SIZE, DRAWN, OF_LITE0 = 28, 2000, 64


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, float]]:
    wall, processor = time.perf_counter(), time.process_time()
    found = work()
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    return found, {"wall_s": round(wall, 2), "processor_s": round(processor, 2)}


def pictures(count: int, rng: np.random.Generator) -> Pixels:
    """Phantoms of which none are alike; drawn once and noised, because drawing is not what is timed."""
    drawn = draw_phantoms(phantom("chest_radiograph"), DRAWN, SIZE, rng)
    noise = 0.05 * rng.standard_normal((count, 1, SIZE, SIZE), dtype=np.float32)
    return np.clip(drawn[rng.integers(DRAWN, size=count)] + noise, -1, 1).astype(np.float32)


def votes(scans: int, members: int, lookahead: int) -> dict[str, Any]:
    """Times of each part, with pixels."""
    rng = np.random.default_rng(0)
    private, variations = pictures(scans, rng), pictures(members * lookahead, rng)
    of_scans, scans_s = timed(lambda: embedded("pixels", private))
    rows, members_s = timed(lambda: embedded("pixels", variations).reshape(lookahead, members, -1).mean(0))
    found, nearest_s = timed(lambda: nearest(of_scans, rows))
    parts = {"embed_scans": scans_s, "embed_variations": members_s, "nearest": nearest_s}
    whole = {key: round(sum(part[key] for part in parts.values()), 2) for key in scans_s}
    return {"voted_for": len(np.unique(found)), **parts, "first_iteration": whole}


def lite0(scans: int, variations: int) -> dict[str, float]:
    images = pictures(OF_LITE0, np.random.default_rng(1))
    embedded("lite0", images[:8])  # loads the network
    _, spent = timed(lambda: embedded("lite0", images))
    each = spent["processor_s"] / OF_LITE0
    return {
        "processor_ms_an_image": round(1000 * each, 2),
        "scans_processor_s_calculated": round(each * scans),
        "variations_processor_s_calculated": round(each * variations),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--scans", type=int, default=10_000)
    parser.add_argument("--members", type=int, default=4_000)
    parser.add_argument("--lookahead", type=int, default=8)
    parser.add_argument("--out", type=Path, default=OUT / "votes.json")
    asked = parser.parse_args()
    said = {
        "machine": {**machine(), "load_before": [round(each, 2) for each in os.getloadavg()]},
        "size": SIZE,
        "scans": asked.scans,
        "members": asked.members,
        "lookahead": asked.lookahead,
        "pixels": votes(asked.scans, asked.members, asked.lookahead),
        "lite0": lite0(asked.scans, asked.members * asked.lookahead),
    }
    asked.out.write_text(json.dumps(said, indent=1) + "\n")
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
