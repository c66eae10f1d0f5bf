"""Public experts: networks trained on phantoms alone, kept under the hash of what made them.

An expert is looked for in the package (shipped), then in the user's cache, and trained when it is in neither.
``make experts`` rebuilds the shipped ones.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import platformdirs
from torch import Tensor

from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.errors import MedsyngenError, VerificationFailed

EXPERT_FORMAT = 1
"""Counts up when training changes in a way that the recipe does not show."""

SHIPPED = Path(__file__).resolve().parents[1] / "experts"


def expert_key(identity: Mapping[str, Any]) -> str:
    """Returns the short hash under which an expert is kept: of network, phantoms, size, training and format."""
    canonical = json.dumps({"format": EXPERT_FORMAT, **identity}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def cache_folder() -> Path:
    """Returns where experts trained on this machine are kept (``$MEDSYNGEN_CACHE``, else the user's cache folder)."""
    root = os.environ.get("MEDSYNGEN_CACHE") or platformdirs.user_cache_dir("medsyngen")
    return Path(root) / "experts"


def find_expert(identity: Mapping[str, Any]) -> Path | None:
    """Returns the file of an expert that exists already, or None."""
    name = f"{expert_key(identity)}.safetensors"
    for folder in (SHIPPED, cache_folder()):
        if (folder / name).is_file():
            return folder / name
    return None


def load_expert(path: Path) -> dict[str, Tensor]:
    """Reads an expert's weights.

    Raises:
        VerificationFailed: The file is damaged or does not hold what its name says.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            identity = json.loads((file.metadata() or {})["medsyngen"])
            # Half precision on disk keeps the package small; everything computes in float32.
            weights = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, KeyError, ValueError) as error:
        raise VerificationFailed(
            f"the public expert {path.name} can't be read ({type(error).__name__})",
            do="delete it: it will be trained again from phantoms",
        ) from error
    if expert_key(identity) != path.stem:
        raise VerificationFailed(
            f"the public expert {path.name} is not what its name says",
            do="delete it: it will be trained again from phantoms",
        )
    return weights


def save_expert(folder: Path, identity: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Path:
    """Writes an expert atomically under its hash and returns its path.

    Raises:
        MedsyngenError: It can't be written.
    """
    from safetensors.torch import save

    path = folder / f"{expert_key(identity)}.safetensors"
    temporary = path.with_suffix(f".{os.getpid()}.part")
    tensors = {name: value.half().contiguous() for name, value in weights.items()}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(save(tensors, metadata={"medsyngen": json.dumps(dict(identity), sort_keys=True)}))
        os.replace(temporary, path)
    except OSError as error:
        raise MedsyngenError(
            f"the public expert can't be kept: {os.strerror(error.errno or 0)}",
            do="free space, or name another place for it with the variable MEDSYNGEN_CACHE; nothing was charged",
        ) from error
    return path


def public_expert(identity: Mapping[str, Any], train: Callable[[Unfinished], dict[str, Tensor]]) -> dict[str, Tensor]:
    """Returns the expert of this identity, trained now if nobody has it.

    It is read back from disk even when it was just trained, so that the first run and the next compute alike.

    Args:
        identity: Everything that the expert is made from.
        train: Trains it, and goes on from the state it is given, if training was interrupted before.
    """
    path = find_expert(identity)
    if path is None:
        unfinished = Unfinished(cache_folder() / f"{expert_key(identity)}.unfinished")
        path = save_expert(cache_folder(), identity, train(unfinished))
        unfinished.path.unlink(missing_ok=True)
    return load_expert(path)
