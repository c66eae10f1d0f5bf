"""Kills the real `medsyngen fit` by SIGKILL, starts it again until it has finished, and looks at the laws each time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from signal import SIGKILL

import kill_laws
import numpy as np
from kill_points import ORDERS

TESTS = Path(__file__).resolve().parent
PATIENTS, N_MAX, EPSILON = 12, 15, 8.0
STEPS, BLOCK = 42, 3
FIT = ("fit", "smoke-16", "--patients-at-most", N_MAX)
SETTINGS = {"steps": STEPS, "block": BLOCK, "patients_per_step": 5}
PROGRAM = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
import kill_points
kill_points.arm()
from importlib.metadata import entry_points
(script,) = entry_points(group="console_scripts", name="medsyngen")
sys.argv[0] = "medsyngen"
script.load()()
"""
MOMENT, ANY_TIME = "a moment of the training", "any time"
BEGINNING = ("recipe", "line of the plan", "reserved")
ENDING = ("trained", "generator", "report")
"""Kinds that come first or last in a run, in this order; the others may come in any order between."""


@dataclass(frozen=True)
class Kill:
    """When a process dies.

    Args:
        kind: A point of :mod:`kill_points`, or from outside: a moment of the training, any time.
        nth: The how manieth time that the process gets there; the steps before a moment.
        share: Of a line that gets to the disk.
        seconds: To wait, for kills from outside.
    """

    kind: str
    nth: int = 1
    share: float = 0.5
    seconds: float = 0.0


def draw_kill(kind: str, rng: np.random.Generator) -> Kill:
    """Returns a kill of a kind, its moment by chance."""
    several = kind in ("charged", "line of a charge", "checkpoint", "step")
    nth = int(rng.integers(1, 6 if kind == MOMENT else 3 if several else 2))
    longest = {MOMENT: 0.2, ANY_TIME: 10.0}.get(kind, 0.0)
    return Kill(kind, nth, share=float(rng.uniform(0.05, 1.0)), seconds=float(rng.uniform(0.0, longest)))


@dataclass(frozen=True)
class Site:
    """A simulated hospital with a ledger, and a public expert that needs no training any more.

    Args:
        folder: Of everything; must exist.
    """

    folder: Path

    @property
    def ledger(self) -> Path:
        return self.folder / "site" / "ledger.jsonl"

    @property
    def scans(self) -> Path:
        return self.folder / "hospital"

    def build(self) -> Site:
        import torch

        from medsyngen.privacy.budget import Budget
        from medsyngen.privacy.ledger import Ledger
        from medsyngen.recipe import load_recipe
        from medsyngen.simulation.hospital import simulate_hospital
        from medsyngen.synthesis.experts import save_expert

        simulate_hospital(self.scans, patients=PATIENTS, size=16, seed=3)
        self.ledger.parent.mkdir()
        Ledger.create(
            self.ledger, budget=Budget(200.0, 1e-5), patients_at_most=100, reason=None, approved_by="DPO"
        ).close()
        method = load_recipe("smoke-16", (), patients_at_most=N_MAX).synthesis
        weights = method.train_public_expert(16, device=torch.device("cpu"))
        save_expert(self.folder / "cache" / "experts", method.expert_identity(16), weights)
        return self


@dataclass
class Job:
    """One run of the command, killed as often as one likes.

    Args:
        site: Whose patients.
        name: Of the run.
        mutants: Under which the product is wrong.
    """

    site: Site
    name: str
    mutants: tuple[str, ...] = ()
    attempts: int = 0
    said: str = ""

    @property
    def run(self) -> Path:
        return self.site.folder / self.name

    @property
    def counted(self) -> Path:
        return self.site.folder / f"{self.name}.steps"

    def start(self, kill: Kill | None = None) -> bool:
        """Runs the command; returns whether the kill came before its end.

        Raises:
            AssertionError: A law does not hold, or the command failed by itself.
        """
        self.attempts += 1
        before, torn = self._lines()
        code = self._process(kill)
        assert code in (0, -SIGKILL), f"{self}: ended with {code}\n{self.said}"
        broken = kill_laws.broken(self._scene(before, torn), finished=code == 0)
        assert not broken, f"after {kill} in start {self.attempts} of {self.name}: not so: {'; '.join(broken)}"
        return code != 0

    def _lines(self) -> tuple[bytes, int]:
        """The whole lines of the ledger, and how many bytes of a torn one follow."""
        data = self.site.ledger.read_bytes()
        end = data.rfind(b"\n") + 1
        return data[:end], len(data) - end

    def figures(self) -> dict[str, int]:
        """Returns numbers of this run so far, counted without the product: starts, steps charged, steps that ran."""
        scene = self._scene(b"", 0)
        return {"starts": self.attempts, "steps_charged": scene.charged, "steps_that_ran": len(scene.noised)}

    def _scene(self, before: bytes, torn: int) -> kill_laws.Scene:
        elsewhere = tuple(file for file in self.site.folder.glob("*.steps") if file != self.counted)
        return kill_laws.Scene(self.site.ledger, self.run, self.counted, elsewhere, before, torn, STEPS, EPSILON)

    def _process(self, kill: Kill | None) -> int:
        orders = {"counted": str(self.counted), "attempt": self.attempts, "run": str(self.run)}
        orders |= asdict(kill or Kill("never")) | {"mutants": list(self.mutants)}
        private = [word for key, value in SETTINGS.items() for word in ("--set", f"synthesis.private.{key}={value}")]
        words = [*FIT, *private, "--scans", self.site.scans, "--run", self.run, "--json"]
        places = {"MEDSYNGEN_LEDGER": str(self.site.ledger), "MEDSYNGEN_CACHE": str(self.site.folder / "cache")}
        with (self.site.folder / f"{self.name}.out").open("w+") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, *map(str, words)],
                env={**os.environ, **places, ORDERS: json.dumps(orders), "OMP_NUM_THREADS": "1"},
                stdout=out,
                stderr=out,
            )
            try:
                self._kill_from_outside(process, kill)
                code = process.wait()
            finally:
                process.kill()
            out.seek(0)
            self.said = out.read()
        return code

    def _kill_from_outside(self, process: subprocess.Popen[bytes], kill: Kill | None) -> None:
        if kill is None or kill.kind not in (MOMENT, ANY_TIME):
            return
        while kill.kind == MOMENT and process.poll() is None:
            lines = [line for line in kill_laws.steps_of(self.counted) if line["attempt"] == self.attempts]
            if len(lines) >= kill.nth:
                break
            time.sleep(0.01)
        time.sleep(kill.seconds)
        process.kill()


def in_order(kinds: list[str]) -> list[str]:
    """Puts kinds in an order in which each can happen in one run."""

    def rank(kind: str) -> int:
        return (*BEGINNING, "", *ENDING).index(kind if kind in BEGINNING + ENDING else "")

    return sorted(kinds, key=rank)
