"""What must hold after every kill and at the end, whatever the moment: laws in words, over what is on disk.

The ledger is parsed here a second time, and real steps are counted by :mod:`kill_points`, so that the product's own
books are not the only witness.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from medsyngen.errors import MedsyngenError
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.events import from_json
from medsyngen.privacy.ledger import Ledger


@dataclass(frozen=True)
class Scene:
    """What is there after a process has ended.

    Args:
        ledger: Of the site.
        run: RUN.
        counted: The steps of this run, counted in its processes.
        elsewhere: Steps of other runs.
        before: The whole lines that the ledger held before this process.
        torn: How many bytes of a torn line followed them.
        steps: T.
        epsilon: Of the recipe.
    """

    ledger: Path
    run: Path
    counted: Path
    elsewhere: tuple[Path, ...]
    before: bytes
    torn: int
    steps: int
    epsilon: float

    @cached_property
    def folder(self) -> RunFolder:
        return RunFolder(self.run)

    @cached_property
    def rows(self) -> list[bytes]:
        """Whole lines of the ledger."""
        return self.ledger.read_bytes().split(b"\n")[:-1]

    @cached_property
    def name(self) -> str:
        file = self.folder.identity_file
        return json.loads(file.read_text())["run"] if file.exists() else "none yet"

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """Lines of this run."""
        return [line for line in map(json.loads, self.rows) if line["kind"] == kind and line["run"] == self.name]

    @cached_property
    def noised(self) -> list[dict[str, Any]]:
        return steps_of(self.counted)

    @property
    def charged(self) -> int:
        return sum(line["event"]["count"] for line in self.lines("charge"))


def steps_of(counted: Path) -> list[dict[str, Any]]:
    """Returns the lines of a count; a line cut by a kill never got to its noise."""
    if not counted.exists():
        return []
    return [json.loads(row) for row in counted.read_bytes().split(b"\n")[:-1]]


def _chain(scene: Scene) -> bool:
    previous = "0" * 64
    for n, row in enumerate(scene.rows):
        line = json.loads(row)
        found = line.pop("hash")
        body = json.dumps(line, sort_keys=True, separators=(",", ":")).encode()
        if (line["n"], line["previous"], found) != (n, previous, hashlib.sha256(body).hexdigest()):
            return False
        previous = found
    try:
        Ledger.open(scene.ledger, read_only=True).close()
    except MedsyngenError:
        return False
    return True


def _in_blocks(scene: Scene) -> bool:
    blocks = [line["block"] for line in scene.lines("charge")]
    return all(any(first <= line["step"] < last for first, last in blocks) for line in scene.noised)


def _keys_once(scene: Scene) -> bool:
    marks = [line["noise"] for file in (scene.counted, *scene.elsewhere) for line in steps_of(file)]
    return len(marks) == len(set(marks))


def _reserved_once(scene: Scene) -> bool:
    plans = scene.lines("reserve")
    return len(plans) <= 1 and scene.charged <= sum(line["plan"]["count"] for line in plans) <= scene.steps


def _epsilon(scene: Scene) -> bool:
    delta = json.loads(scene.rows[0])["delta"]
    charged = [from_json(line["event"]) for line in scene.lines("charge")]
    plan = [from_json(line["plan"]) for line in scene.lines("reserve")]
    if not charged:
        return True
    return epsilon_spent(charged, delta) <= epsilon_spent(plan, delta) <= scene.epsilon


def _heads(scene: Scene) -> bool:
    hashes = [json.loads(row)["hash"] for row in scene.rows]
    return all(0 <= n < len(hashes) and hashes[n] == digest for _, (n, digest) in scene.folder.heads())


def _torn(scene: Scene) -> bool:
    new = scene.rows[scene.before.count(b"\n") :]
    return (
        not scene.torn
        or not new
        or f"dropped {scene.torn} bytes of a torn last line" in json.loads(new[0]).get("text", "")
    )


def _no_key(scene: Scene) -> bool:
    marks = {mark for line in scene.noised for mark in (line["noise"], *line["above"])}
    files = [path for top in (scene.run, scene.ledger.parent) for path in top.rglob("*") if path.is_file()]
    return not any(holds(path.read_bytes(), marks) for path in files)


def holds(data: bytes, marks: set[str]) -> bool:
    """Returns whether 32 bytes in a row, plain or as hexadecimal digits, hash to one of the marks."""
    digests = {bytes.fromhex(mark) for mark in marks}
    if any(hashlib.sha256(data[at : at + 32]).digest() in digests for at in range(len(data) - 31)):
        return True
    for run in re.findall(rb"[0-9A-Fa-f]{64,}", data):
        texts = (run[at : at + 64].decode() for at in range(len(run) - 63))
        if any(hashlib.sha256(bytes.fromhex(text)).digest() in digests for text in texts):
            return True
    return False


def _all_there(scene: Scene) -> bool:
    names = ("recipe.yaml", "ledger.jsonl", "generator.safetensors", "preview.png", "report.html", "report.json")
    return {path.name for path in scene.run.iterdir()} == {*names, "implementation.json", "registry.yaml", "private"}


def _forfeited(scene: Scene) -> bool:
    """A step is in the weights only if it was charged and ran; those that ran and aren't were forfeited."""
    done = Checkpoint.load(scene.folder.checkpoint_file).steps_done if scene.folder.checkpoint_file.exists() else 0
    return done <= len(scene.noised) <= scene.steps


ALWAYS: dict[str, Callable[[Scene], bool]] = {
    "no more Gaussian steps ran than were charged": lambda scene: len(scene.noised) <= scene.charged,
    "every step ran in a charged block": _in_blocks,
    "no step ran twice": lambda scene: len({line["step"] for line in scene.noised}) == len(scene.noised),
    "every noise key is used once, over all processes": _keys_once,
    "the chain holds": _chain,
    "no line of the ledger is lost": lambda scene: scene.ledger.read_bytes().startswith(scene.before),
    "a run is reserved once, and charged no more than that": _reserved_once,
    "ε of the charges is at most the plan's": _epsilon,
    "the ledger holds every head that the run has seen": _heads,
    "a torn line was dropped with a note": _torn,
    "no key is on disk": _no_key,
    "what the weights hold ran": _forfeited,
}
AT_THE_END: dict[str, Callable[[Scene], bool]] = {
    "exactly T steps are charged": lambda scene: scene.charged == scene.steps,
    "everything is there, and nothing half-written outside of private/": _all_there,
}


def broken(scene: Scene, *, finished: bool) -> list[str]:
    """Returns the laws that don't hold."""
    return [words for words, holds in (ALWAYS | (AT_THE_END if finished else {})).items() if not holds(scene)]
