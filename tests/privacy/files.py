"""Checkpoints as older versions wrote them."""

from __future__ import annotations

import json
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file


def forgets(path: Path, fact: str) -> None:
    """Takes one fact out of a checkpoint; the tensors stay."""
    with safe_open(path, framework="pt") as file:
        facts = json.loads(file.metadata()["medsyngen"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    del facts[fact]
    save_file(tensors, path, metadata={"medsyngen": json.dumps(facts)})
