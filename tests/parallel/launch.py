"""Starts a job of several processes with torchrun, on this machine's loopback, and ends it in time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

JOB = Path(__file__).with_name("job.py")


@dataclass(frozen=True)
class Ended:
    """How a job ended: torchrun's exit code, its output and that of the processes, the ranks that failed."""

    code: int
    out: str
    err: str

    @property
    def failed(self) -> dict[int, int]:
        """Exit code by rank, of those that torchrun saw fail."""
        found = re.findall(r"rank\s+: (\d+) .*\n\s+exitcode\s+: (-?\d+) ", self.err)
        return {int(rank): int(code) for rank, code in found}


def torchrun(count: int, *command: str, within: float = 120.0, **environment: str) -> Ended:
    """Runs a job.

    Raises:
        subprocess.TimeoutExpired: It did not end in time; all of it is killed.
    """
    torch = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.Popen(
        [*torch, *map(str, command)],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        out, err = process.communicate(timeout=within)
    finally:
        if process.poll() is None:
            process.terminate()  # torchrun ends its processes, too
            process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def toys(folder: Path, count: int, scenarios: dict[str, dict], **more: float) -> Ended:
    """Trains on toys with so many processes; see ``job.py``. Each scenario works in a folder of its name."""
    for name in scenarios:
        (folder / name).mkdir()
    (folder / "scenarios.json").write_text(json.dumps(scenarios))
    return torchrun(count, str(JOB), str(folder), **more)


def seen_by(folder: Path, rank: int) -> dict[str, np.ndarray]:
    """Returns what a rank of a scenario wrote down."""
    with np.load(folder / f"rank{rank}.npz") as file:
        return dict(file)
