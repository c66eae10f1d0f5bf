"""The open benchmark's tables, from its JSONs: docs/benchmarks/utility.md.

    python -m tests.benchmarks.utility_table

A cell that was not measured stays empty. Over several seeds the mean with the smallest and the largest; of one seed the
value with its bootstrap interval.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "docs" / "benchmarks" / "utility"
PAGE = ROOT / "docs" / "benchmarks" / "utility.md"
ORDER = ("default", "none", "finetune", "placebo", "phantoms only", "ceiling")
TITLES = {
    "default": "**default**",
    "none": "none: DP-SGD at all noise levels, no phantoms (DPDM)",
    "finetune": "finetune: DP-SGD at all noise levels, from the phantoms' weights",
    "placebo": "placebo: no private signal",
    "phantoms only": "phantoms only (ε = 0)",
    "ceiling": "ceiling, **NOT PRIVATE**",
    "central": "central: central images, and the default's steps with the rest of the budget",
    "central alone": "central alone: central images, no private training",
    "votes": "votes: Private Evolution of phantoms by pixels",
    "votes, lite0": "votes, lite0: Private Evolution of phantoms by features",
    "rendered": "rendered: phantoms as they are drawn, no network (ε = 0)",
}
TASKS = {
    "cxr-kermany": "Kermany: claims",
    "cxr-nih": "NIH: development, ε is nominal",
    "cxr-nih-copies": "NIH, its 200 patients copied to 3,000: development, ε is nominal",
    "simulated": "Simulated hospital, 3,000 patients: development, ε is nominal",
}
COLUMNS = (
    ("KID × 1000 to test", "fidelity", "kid_x1000", "to_test"),
    ("KID × 1000 to private", "fidelity", "kid_x1000", "to_private"),
    ("precision", "fidelity", "manifold", "synthetic", "precision"),
    ("recall", "fidelity", "manifold", "synthetic", "recall"),
    ("MS-SSIM", "fidelity", "ms_ssim", "synthetic"),
    ("TSTR AUC", "utility", "tstr", "auc"),
    ("TSTR balanced accuracy", "utility", "tstr", "balanced_accuracy"),
)
FLOORS = (
    ("fidelity", "kid_x1000", "to_test_floor"),
    ("fidelity", "kid_x1000", "to_private_floor"),
    ("fidelity", "manifold", "floor", "precision"),
    ("fidelity", "manifold", "floor", "recall"),
    ("fidelity", "ms_ssim", "real"),
    ("utility", "trtr", "auc"),
    ("utility", "trtr", "balanced_accuracy"),
)
HEAD = """\
# The open benchmark: measured

Written by `python -m tests.benchmarks.utility_table` from the rows in `utility/*.json`, which
`python -m tests.benchmarks.utility` writes; what every column means stands in the [protocol](protocol.md). A cell
that was not measured stays empty. Smaller KID is better, larger AUC is better; several seeds: mean [smallest, largest];
one seed: value [95 % bootstrap interval].
"""


def rows(folder: Path = ROWS) -> list[dict[str, Any]]:
    """Every row, in the order of the files' names."""
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]


def page(measured: Sequence[dict[str, Any]]) -> str:
    """The whole page."""
    return HEAD + "".join(f"\n{part}" for name in TASKS for part in _task(name, measured))


def _task(name: str, measured: Sequence[dict[str, Any]]) -> Iterable[str]:
    of_task = [row for row in measured if row["task"]["name"] == name]
    if not of_task:
        return
    sizes = sorted({(row["task"]["size"], sum(row["images"]["scored"].values())) for row in of_task})
    for size, images in sizes:
        part = [r for r in of_task if (r["task"]["size"], sum(r["images"]["scored"].values())) == (size, images)]
        yield f"## {TASKS[name]}\n\n{images:,} images of {size} × {size} pixels.\n\n{_table(part)}"


def _table(measured: Sequence[dict[str, Any]]) -> str:
    lines = ["| arm | ε | seeds | " + " | ".join(title for title, *_ in COLUMNS) + " |"]
    lines.append("|---" * (3 + len(COLUMNS)) + "|")
    for epsilon, arm, label in sorted({_key(row) for row in measured}, key=_place):
        same = [row for row in measured if _key(row) == (epsilon, arm, label)]
        title = TITLES.get(arm, arm) + (f", {label}" if label else "")
        seeds = ", ".join(str(row["seed"]) for row in same)
        cells = [_cell(same, path) for _, *path in COLUMNS]
        lines.append(
            f"| {title} | {'∞' if epsilon == float('inf') else f'{epsilon:g}'} | {seeds} | " + " | ".join(cells) + " |"
        )
    first = [measured[0]]
    lines.append("| real against real: floor, TRTR | | | " + " | ".join(_cell(first, path) for path in FLOORS) + " |")
    return "\n".join(lines) + "\n"


def _key(row: dict[str, Any]) -> tuple[float, str, str]:
    claimed = row["privacy"]["epsilon_claimed"]
    return float("inf") if claimed is None else claimed, row["arm"], row.get("label", "")


def _place(key: tuple[float, str, str]) -> tuple[Any, ...]:
    epsilon, arm, label = key
    known = arm in ORDER
    return (0 if known else 1, ORDER.index(arm) if known else arm, label, epsilon)


def _cell(same: Sequence[dict[str, Any]], path: Iterable[str]) -> str:
    found: list[Any] = []
    for value in same:
        for word in path:
            value = value[word]
        found.append(value)
    values = [value["value"] if isinstance(value, dict) else value for value in found]
    if len(values) > 1:
        return f"{_number(statistics.mean(values))} [{_number(min(values))}, {_number(max(values))}]"
    if isinstance(found[0], dict):
        return f"{_number(values[0])} [{_number(found[0]['low'])}, {_number(found[0]['high'])}]"
    return _number(values[0])


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2f}"


def main() -> None:
    PAGE.write_text(page(rows()), "utf-8")


if __name__ == "__main__":
    main()
