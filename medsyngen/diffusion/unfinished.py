"""Public training that was interrupted goes on where it was: its state on disk, phantoms' doing alone."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from medsyngen.averaging import MovingAverage
from medsyngen.errors import VerificationFailed

_MOMENTS = {"first": "exp_avg", "second": "exp_avg_sq"}


@dataclass(frozen=True, eq=False)
class TrainingParts:
    """What moves while a network trains.

    Args:
        network: Its weights.
        optimizer: Adam over them.
        schedule: Of the learning rate.
        average: Moving average of the weights.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    average: MovingAverage

    def tensors(self) -> dict[str, Tensor]:
        """Returns every tensor by a name of its own; before the first step Adam has no moments yet."""
        found: dict[str, Tensor] = {}
        for name, weight in self.network.named_parameters():
            found |= {f"weights.{name}": weight.detach(), f"average.{name}": self.average.weights[name]}
            kept = self.optimizer.state.get(weight, {})
            found |= {f"{part}.{name}": kept[key] for part, key in _MOMENTS.items() if key in kept}
        return found


@dataclass(frozen=True)
class Unfinished:
    """A file that holds the state of a public training; its name says which training it is.

    Args:
        path: Of the file; it need not be there.
        every: Steps between two states.
        marks: Plain JSON that a state carries; one with other marks is of another training and refused.
    """

    path: Path
    every: int = 250
    marks: Mapping[str, object] = field(default_factory=dict)

    def save(self, step: int, parts: TrainingParts) -> None:
        """Writes the state after ``step`` steps atomically, if it is time for one.

        A disk that is full is not a reason to stop training: then the last state stays, or none.
        """
        from safetensors.torch import save

        if step % self.every:
            return
        facts = json.dumps({"step": step, "schedule": parts.schedule.state_dict(), "marks": dict(self.marks)})
        tensors = {name: value.cpu().contiguous() for name, value in parts.tensors().items()}
        temporary = self.path.with_suffix(f".{os.getpid()}.part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            temporary.write_bytes(save(tensors, metadata={"medsyngen": facts}))
            os.replace(temporary, self.path)
        except OSError:
            with suppress(OSError):
                temporary.unlink()

    def load(self, parts: TrainingParts) -> int:
        """Puts the state back and returns the steps that were done; 0 where there is none.

        Raises:
            VerificationFailed: The file is damaged or of another network.
        """
        from safetensors import SafetensorError, safe_open

        if not self.path.is_file():
            return 0
        try:
            with safe_open(self.path, framework="pt") as file:
                facts = json.loads(file.metadata()["medsyngen"])
                if facts.get("marks", {}) != dict(self.marks):
                    raise ValueError("of another training")
                return self._restore(parts, facts, file.get_tensor)
        except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
            raise VerificationFailed(
                f"the state of an unfinished public training, {self.path.name}, can't be used ({type(error).__name__})",
                do="delete it: the training begins again, from phantoms",
            ) from error

    def _restore(self, parts: TrainingParts, facts: dict[str, object], tensor: Callable[[str], Tensor]) -> int:
        step = int(str(facts["step"]))
        with torch.no_grad():
            for name, weight in parts.network.named_parameters():
                weight.copy_(tensor(f"weights.{name}"))
                parts.average.weights[name].copy_(tensor(f"average.{name}"))
                moments = {key: tensor(f"{part}.{name}").to(weight.device) for part, key in _MOMENTS.items()}
                parts.optimizer.state[weight] = {"step": torch.tensor(float(step)), **moments}
        parts.average.updates = step
        schedule = facts["schedule"]
        if not isinstance(schedule, dict):
            raise ValueError("the schedule is not a table")
        parts.schedule.load_state_dict(schedule)
        for group, rate in zip(parts.optimizer.param_groups, schedule["_last_lr"], strict=True):
            group["lr"] = rate
        return step
