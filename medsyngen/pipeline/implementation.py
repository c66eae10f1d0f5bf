"""What ran a fit, and on what: recorded when it starts, so that the report need not guess it later."""

from __future__ import annotations

import hashlib
import json
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, version
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING, Any, Final

from medsyngen.errors import VerificationFailed
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.version import __version__

if TYPE_CHECKING:
    import torch

PRECISION: Final = (
    "networks in float32 (public training on an accelerator may multiply in bfloat16); norms of patients' vectors, "
    "their sums and the noise in float64, rounded once"
)


def record(folder: RunFolder, device: torch.device, processes: int) -> None:
    """Notes this start in ``RUN/implementation.json``; one that is like an earlier one is noted once.

    Guarantee: holds facts of the machine and of the installed program, and nothing that was computed from a scan: it is
    written before a scan is asked anything, and is the same whatever is in the scans.

    Args:
        folder: RUN.
        device: Where it computes.
        processes: Of this job.
    """
    starts = [start for start in _starts(folder) if start != _this(device, processes)]
    told = {"starts": [*starts, _this(device, processes)]}
    write_atomically(folder.implementation_file, (json.dumps(told, indent=1) + "\n").encode(), mode=0o644)


def recorded(folder: RunFolder) -> dict[str, Any] | None:
    """Returns what the report says of it; None where an older version made the run."""
    starts = _starts(folder)
    if not starts:
        return None
    last = starts[-1]
    return {
        "code": last["code"],
        "commit": last["commit"],
        "machines": [{**start["machine"], "code_sha256": start["code"]["sha256"]} for start in starts],
        "precision": PRECISION,
        "deterministic": last["deterministic"],
    }


def _starts(folder: RunFolder) -> list[dict[str, Any]]:
    if not folder.implementation_file.is_file():
        return []
    try:
        starts: list[dict[str, Any]] = json.loads(folder.implementation_file.read_text("utf-8"))["starts"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise VerificationFailed(
            f"{folder.implementation_file.name} of the run folder is damaged",
            do="delete it: then the report says that it was not recorded",
        ) from error
    return starts


def _this(device: torch.device, processes: int) -> dict[str, Any]:
    import torch

    accelerated = device.type == "cuda"
    flags = {
        "torch deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "cuDNN deterministic": torch.backends.cudnn.deterministic,
        "cuDNN benchmark": torch.backends.cudnn.benchmark,
        "TF32 products": torch.backends.cuda.matmul.allow_tf32,
    }
    return {
        "code": {"sha256": _code()[0], "files": _code()[1]},
        "commit": _commit(),
        "machine": {
            "system": platform.system(),
            "processor": platform.machine(),
            "accelerator": torch.cuda.get_device_name(device) if accelerated else "none",
            "processes": processes,
            "python": platform.python_version(),
            "torch": version("torch"),
            "medsyngen": __version__,
        },
        "deterministic": "; ".join(f"{name} {'on' if is_on else 'off'}" for name, is_on in flags.items()),
    }


@cache
def _code() -> tuple[str, int]:
    """Returns the SHA-256 over names and bytes of the package's Python files, sorted by name, and how many."""
    found = dict(_python_files(files("medsyngen"), "medsyngen"))
    whole = hashlib.sha256()
    for name in sorted(found):
        whole.update(f"{name}\0{hashlib.sha256(found[name]).hexdigest()}\n".encode())
    return whole.hexdigest(), len(found)


def _python_files(folder: Traversable, name: str) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in folder.iterdir():
        path = f"{name}/{item.name}"
        if item.is_dir():
            found += _python_files(item, path)
        elif item.name.endswith(".py"):
            found.append((path, item.read_bytes()))
    return found


def _commit() -> str | None:
    """Returns the commit that pip installed from (PEP 610), where it was installed from a repository."""
    try:
        told = distribution("medsyngen").read_text("direct_url.json")
    except PackageNotFoundError:
        return None
    commit = json.loads(told or "{}").get("vcs_info", {}).get("commit_id")
    return str(commit) if commit else None
