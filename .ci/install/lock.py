"""Writes the lock files anew: ``make lock``. The work is uv's; this splits what it found into files.

What is locked stays at its version as long as ``pyproject.toml`` and ``constraints.txt`` allow; with ``--upgrade``
what ``constraints.txt`` does not name moves to the newest. The CPU builds of torch (``torch-cpu.txt``) are on no index
that uv asks here: that file is kept by hand, with the hashes that PyTorch publishes.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Final

from install.lockfiles import EXTRAS, FOLDER, Locked, parse, read, without

ROOT: Final = FOLDER.parents[2]
_CUDA: Final = ("torch", "triton", "nvidia-", "cuda-")
_HEADS: Final = {
    "base": "What medsyngen needs, but for PyTorch",
    "torch-cuda": "PyTorch as PyPI has it: with CUDA on Linux, without on macOS",
    "tools": "What makes the wheelhouse; nothing of it is installed in a hospital",
    **{extra: f"What the extra `{extra}` adds" for extra in EXTRAS},
}


def _compile(source: str, arguments: list[str], known: list[Locked], upgrade: bool) -> list[Locked]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "lock.txt"
        out.write_text("\n".join(each.text for each in known) + "\n", encoding="utf-8")
        command = [
            "uv",
            "pip",
            "compile",
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
            "--no-header",
        ]
        command += ["--prerelease", "disallow", "--quiet", "-c", "constraints.txt", "-o", str(out), *arguments]
        command += ["--upgrade"] if upgrade else []
        subprocess.run([*command, "-" if source else "pyproject.toml"], input=source, text=True, cwd=ROOT, check=True)
        return parse(out.read_text(encoding="utf-8"))


def _write(name: str, locked: list[Locked]) -> None:
    head = f"# {_HEADS[name]}.\n# Written by `make lock`; for Python 3.11 and newer, every platform.\n"
    body = "\n".join(each.text for each in locked)
    (FOLDER / f"{name}.txt").write_text(f"{head}{body}\n", encoding="utf-8")


def _known(*names: str) -> list[Locked]:
    return read(*(name for name in names if (FOLDER / f"{name}.txt").exists()))


def main(upgrade: bool) -> None:
    """Writes every file but ``torch-cpu.txt``."""
    base = _compile("", [], _known("base", "torch-cuda"), upgrade)
    _write("torch-cuda", [each for each in base if each.name.startswith(_CUDA)])
    _write("base", [each for each in base if not each.name.startswith(_CUDA)])
    for extra in EXTRAS:
        found = _compile("", ["--extra", extra], [*base, *_known(extra)], upgrade=False)
        _write(extra, without(found, base))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    tools = "\n".join(project["optional-dependencies"]["install"])
    _write("tools", _compile(tools, [], _known("tools"), upgrade))


if __name__ == "__main__":
    main("--upgrade" in sys.argv[1:])
