"""Volumes a second of processor time: phantoms drawn, and networks forward and backward, at 32 x 48 x 32 voxels.

    python -m tests.benchmarks.volumes [--write]

One thread; processor time, not time on the wall, so that a busy machine tells the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from medsyngen.diffusion.unet import UNetSize, unet_for
from medsyngen.phantoms.catalogue import VOLUME_PHANTOMS
from tests.benchmarks.prove import ROOT

SPACE, AT_ONCE = (32, 48, 32), 2
NETWORKS = {
    "16, 24, 32, blocks of 2": UNetSize((16, 24, 32), (False, False, True), patch=2),
    "8, 16, 32, every voxel": UNetSize((8, 16, 32), (False, False, True), head_channels=8),
}


def a_second(work: Callable[[], Any], count: int) -> float:
    """How many a second of processor time, after one that does not count."""
    work()
    began = time.process_time()
    work()
    return round(count / (time.process_time() - began), 2)


def measured() -> dict[str, Any]:
    """All figures."""
    found: dict[str, Any] = {"voxels": list(SPACE), "threads": torch.get_num_threads(), "phantoms": {}, "networks": {}}
    for name, source in VOLUME_PHANTOMS.items():
        rng = np.random.default_rng(0)
        found["phantoms"][name] = a_second(lambda s=source, r=rng: s.render_volumes(s.space.draw(8, r), SPACE, r), 8)
    for name, size in NETWORKS.items():
        network = unet_for(size, (2, *SPACE), class_rows=1, seed=0)
        x, row = torch.randn(AT_ONCE, 2, *SPACE), torch.zeros(AT_ONCE, dtype=torch.int64)

        def forward(n: Any = network, x: Any = x, row: Any = row) -> Any:
            return n(x, torch.ones(AT_ONCE), class_labels=row)

        with torch.no_grad():
            drawn = a_second(forward, AT_ONCE)
        found["networks"][name] = {
            "parameters": sum(p.numel() for p in network.parameters()),
            "forward": drawn,
            "forward and backward": a_second(lambda f=forward: f().square().mean().backward(), AT_ONCE),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="into docs/benchmarks/volumes.json")
    text = json.dumps(measured(), indent=1) + "\n"
    if parser.parse_args().write:
        (ROOT / "docs" / "benchmarks" / "volumes.json").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
