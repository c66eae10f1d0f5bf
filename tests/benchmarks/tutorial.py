"""How long the commands of the tutorial take: `python -m tests.benchmarks.tutorial`.

Runs them in order, as the page says, in a fresh folder, and writes docs/benchmarks/tutorial.json: processor time of
each (all its processes), and the time by the clock with the load of the machine beside it.
"""

from __future__ import annotations

import json
import os
import re
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorials" / "first-cohort.md"
OUT = ROOT / "docs" / "benchmarks" / "tutorial.json"


def commands() -> list[list[str]]:
    """Returns the words of every medsyngen command of the page."""
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text("utf-8"), flags=re.DOTALL)
    lines = [shlex.split(line) for block in blocks for line in block.splitlines()]
    return [words[1:] for words in lines if words[:1] == ["medsyngen"]]


def processor_seconds() -> float:
    """Processor time of all child processes that ended, their children included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measured(words: list[str], folder: str) -> dict[str, Any]:
    """Runs one command; what it took."""
    env = {**os.environ, "MEDSYNGEN_LEDGER": f"{folder}/practice-ledger.jsonl", "OMP_NUM_THREADS": "1"}
    clock, processor = time.perf_counter(), processor_seconds()
    subprocess.run([sys.executable, "-m", "medsyngen.cli", *words], cwd=folder, env=env, check=True)
    return {
        "command": shlex.join(["medsyngen", *words]),
        "processor_seconds": round(processor_seconds() - processor, 1),
        "seconds": round(time.perf_counter() - clock, 1),
        "load": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Runs all of them."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [measured(words, folder) for words in commands()]
    total = {name: round(sum(row[name] for row in rows), 1) for name in ("processor_seconds", "seconds")}
    plain = {"cores": os.cpu_count(), "threads": 1, "commands": rows, "total": total}
    OUT.write_text(json.dumps(plain, indent=1) + "\n")


if __name__ == "__main__":
    main()
