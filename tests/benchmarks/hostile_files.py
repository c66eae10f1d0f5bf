"""What files that attack their reader cost: time and memory over the start of the process that reads them.

    python -m tests.benchmarks.hostile_files [--out docs/benchmarks/hostile-files.json]

Each is read alone in a fresh process with the limits of the program: 2 s of processor time and 512 MiB over its start
(more for what is honestly large). ``seconds`` is processor time; of a process that died, all that it ever used, with
its start. ``wall`` is what the program waited, with whatever else the machine did. ``mebibytes`` is the highest
resident memory over that before the file; of a process that died it is not known, but the kernel held it below its
limit.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from medsyngen.formats.reading_workers import ReadingWorkers
from medsyngen.formats.refusal import ScanRefused

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from hostile_files import HOSTILE, write
from reading_tasks import attack


def measure(name: str, folder: Path) -> dict[str, Any]:
    """Reads one hostile file."""
    address = write(name, folder)
    path = Path(address.removesuffix("#0"))
    size = path.stat().st_size
    with ReadingWorkers() as worker:
        list(worker.imap(attack, [str(folder / "absent")]))  # whatever reading loads is loaded now
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        start = time.perf_counter()
        (answer,) = worker.imap(attack, [address])
        wall = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    path.unlink()
    if isinstance(answer, ScanRefused):
        died = after.ru_utime + after.ru_stime - spent.ru_utime - spent.ru_stime
        return {"bytes": size, "reason": answer.reason, "seconds": round(died, 2), "wall": round(wall, 2)}
    reason, seconds, memory = answer
    row = {"bytes": size, "reason": reason, "seconds": round(seconds, 2), "wall": round(wall, 2)}
    return {**row, "mebibytes": round(memory, 1)}


def hostile() -> dict[str, Any]:
    """Every one of them, and the worst."""
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in HOSTILE:
            rows[name] = measure(name, Path(folder))
            sys.stderr.write(f"{name}: {json.dumps(rows[name])}\n")
    worst = {key: max(row.get(key, 0) for row in rows.values()) for key in ("seconds", "mebibytes")}
    return {"files": rows, "worst": worst, "read": [name for name, row in rows.items() if row["reason"] == "read"]}


def main() -> None:
    from tests.benchmarks.prove import OUT, machine

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT / "hostile-files.json")
    options = parser.parse_args()
    options.out.write_text(json.dumps({"part": "hostile-files", "machine": machine(), **hostile()}, indent=1) + "\n")


if __name__ == "__main__":
    main()
