"""The run folder: what fit leaves behind, and where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml
from filelock import FileLock, Timeout

from medsyngen.cohort.disk_index import NAME as INDEX
from medsyngen.errors import MedsyngenError, UsageError
from medsyngen.privacy.chain import canonical
from medsyngen.privacy.checkpoint import head_of_checkpoint, write_atomically
from medsyngen.privacy.ledger import Ledger
from medsyngen.recipe import Recipe, recipe_from
from medsyngen.synthesis.bought_shares import BOUGHT_FILE
from medsyngen.synthesis.central_dp_syngen import CENTRAL
from medsyngen.synthesis.evolved_file import EVOLVED, VOTES
from medsyngen.synthesis.generator import read_tensors


@dataclass(frozen=True)
class RunFolder:
    """Paths in a run folder. Outside ``private/`` there are DP outputs and public numbers only.

    Args:
        path: RUN.
    """

    path: Path

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe."""
        return self.path / "recipe.yaml"

    @property
    def ledger_file(self) -> Path:
        """The run's own ledger, or a copy of the site's as it stood when the run ended."""
        return self.path / "ledger.jsonl"

    @property
    def generator_file(self) -> Path:
        """The finished generator; there only when fit has ended."""
        return self.path / "generator.safetensors"

    @property
    def preview_file(self) -> Path:
        """A sheet of synthetic images."""
        return self.path / "preview.png"

    @property
    def implementation_file(self) -> Path:
        """What ran the fit: machine and installed program."""
        return self.path / "implementation.json"

    @property
    def statements_file(self) -> Path:
        """What the hospital said for the report beside the recipe: public words."""
        return self.path / "statements.yaml"

    @property
    def audit_file(self) -> Path:
        """What an audit of the recipe found, if somebody put it here; no scan is read for one."""
        return self.path / "audit.json"

    @property
    def private(self) -> Path:
        """What must not leave: checkpoints, identifiers (0700)."""
        return self.path / "private"

    @property
    def identity_file(self) -> Path:
        """The run's name and the ledger that it charges."""
        return self.private / "run.json"

    @property
    def checkpoint_file(self) -> Path:
        """The state of private training after its last block."""
        return self.private / "checkpoint.safetensors"

    @property
    def votes_file(self) -> Path:
        """The same of rounds of votes, where a training follows them."""
        return self.private / VOTES

    @property
    def central_file(self) -> Path:
        """The noised sum of central images, where a training may follow it."""
        return self.private / CENTRAL

    @property
    def evolved_file(self) -> Path:
        """What they made: evolved phantoms, and the expert that learned from them."""
        return self.private / EVOLVED

    @property
    def bought_file(self) -> Path:
        """The noised sum of class proportions, where they were bought."""
        return self.private / BOUGHT_FILE

    @property
    def identifiers_file(self) -> Path:
        """Identifiers of the source, for the gate's search."""
        return self.private / "identifiers.json"

    @property
    def preflight_file(self) -> Path:
        """What `inspect` saw in the scans, if it was asked to write it here."""
        return self.private / "preflight.json"

    @property
    def index_file(self) -> Path:
        """What the headers of the scans say, so that a second run reads only those that changed."""
        return self.private / INDEX

    @property
    def cache_folder(self) -> Path:
        """The scans in the recipe's form, so that no second reading decodes them again."""
        return self.private / "cache"

    @property
    def traces_of_scans(self) -> tuple[str, ...]:
        """What is here that only a look at scans leaves behind, in words; what is not ours is not named."""
        inside = {p.name for p in self.private.iterdir()} - {".lock"} if self.private.is_dir() else set()
        kept = (self.checkpoint_file, self.votes_file, self.evolved_file, self.central_file, self.bought_file)
        ours = (
            self.identity_file,
            *kept,
            self.identifiers_file,
            self.preflight_file,
            self.index_file,
            self.cache_folder,
        )
        found = [self.ledger_file.name] if self.ledger_file.exists() else []
        found += [f"private/{path.name}" for path in ours if path.name in inside]
        return (*found, *(["other files in private/"] if inside - {path.name for path in ours} else []))

    @property
    def finished(self) -> bool:
        """Whether fit has ended here."""
        return self.generator_file.is_file()

    @property
    def reported(self) -> bool:
        """Whether both forms of the report are here."""
        return (self.path / "report.json").is_file() and (self.path / "report.html").is_file()

    def create(self, recipe: Recipe) -> None:
        """Makes the folder and writes the resolved recipe; does nothing where that was done.

        Raises:
            MedsyngenError: It can't be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self.private.mkdir(mode=0o700, exist_ok=True)
            self.private.chmod(0o700)
            if not self.recipe_file.exists():
                write_atomically(self.recipe_file, recipe.to_yaml().encode(), mode=0o644)
        except OSError as error:
            raise MedsyngenError(
                f"the run folder can't be written: {error.strerror}", do="choose a folder that can be written to"
            ) from error

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps other processes out of this run.

        Raises:
            UsageError: Another process is at work here.
            MedsyngenError: The lock can't be made.
        """
        lock = FileLock(self.private / ".lock", timeout=0, mode=0o600)
        try:
            held = lock.acquire()
        except Timeout as error:
            raise UsageError(
                f"another process is at work in {self.path.name}; nothing was charged",
                do="wait until it has finished, or choose another --run",
            ) from error
        except OSError as error:
            raise MedsyngenError(
                f"the run folder can't be locked: {error.strerror}; nothing was charged",
                do="mend the folder's permissions or choose one that can be written to",
            ) from error
        with held:
            yield

    def heads(self) -> list[tuple[str, list[object]]]:
        """Returns every head of a ledger that a file of this run has seen: (file, [number, hash])."""
        found: list[tuple[str, list[object]]] = []
        kept = {
            "the checkpoint": self.checkpoint_file,
            "the checkpoint of votes": self.votes_file,
            "the evolved phantoms": self.evolved_file,
            "the central images": self.central_file,
            "the class proportions": self.bought_file,
        }
        found += [(what, [*head_of_checkpoint(path)]) for what, path in kept.items() if path.is_file()]
        if self.finished:
            found.append(("the generator", read_tensors(self.generator_file)[1]["ledger_head"] or [-1, ""]))
        report = self.path / "report.json"
        if report.is_file():
            lines = json.loads(report.read_text("utf-8"))["ledger"]["lines"]
            found.append(("the report", [len(lines) - 1, lines[-1]["hash"]]))
        return found

    def copy_ledger(self, ledger: Ledger) -> None:
        """Keeps a copy of the site's ledger as it stands."""
        data = b"".join(canonical(line) + b"\n" for line in ledger.lines)
        write_atomically(self.ledger_file, data, mode=0o600)

    def recipe(self) -> Recipe:
        """Returns the recipe of this run.

        Raises:
            UsageError: This is no run folder.
        """
        if not self.recipe_file.is_file():
            raise UsageError(f"{self.path.name} is not a run folder", do="make one with `medsyngen fit`")
        return recipe_from(yaml.safe_load(self.recipe_file.read_text("utf-8")))

    def check_same_recipe(self, recipe: Recipe) -> None:
        """Refuses to go on with another recipe than the one that began here, or in a folder that is something else.

        Raises:
            UsageError: Names what differs.
        """
        if not self.recipe_file.is_file():
            # `inspect --out RUN` may have left its findings in private/; a kill, a recipe that was half written.
            ours = {"private", f".{self.recipe_file.name}.part"}
            if self.path.exists() and (not self.path.is_dir() or {p.name for p in self.path.iterdir()} - ours):
                raise UsageError(
                    f"{self.path.name} exists and is not a run folder", do="name a folder that does not exist yet"
                )
            return
        there = self.recipe()
        if there.sha256 != recipe.sha256:
            differing = [
                f"{key}: {_short(a)} there, {_short(b)} now"
                for key, (a, b) in _differences(there.resolved(), recipe.resolved()).items()
            ]
            raise UsageError(
                "this run folder belongs to another recipe; nothing was charged",
                do="choose another --run, or go on with the recipe that is in it (recipe.yaml)",
                details=differing,
            )

    def finished_recipe(self) -> Recipe:
        """Returns the recipe of a run that has ended.

        Raises:
            UsageError: It has not ended.
        """
        recipe = self.recipe()
        if not self.finished:
            raise UsageError(
                f"the run in {self.path.name} has not finished", do="run `medsyngen fit` again with the same --run"
            )
        return recipe


def _differences(a: object, b: object, path: str = "") -> dict[str, tuple[object, object]]:
    if isinstance(a, dict) and isinstance(b, dict):
        found: dict[str, tuple[object, object]] = {}
        for key in sorted({*a, *b}):
            found.update(_differences(a.get(key), b.get(key), f"{path}.{key}".lstrip(".")))
        return found
    return {} if a == b else {path: (a, b)}


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
