"""medsyngen's own wheel and source archive, built from a copy: what earlier builds left behind can't get in."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
_FOLDERS: Final = ("medsyngen", "cli", "configs")
_FILES: Final = (
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "SECURITY.md",
    "constraints.txt",
)
_MOMENT: Final = "1704067200"
"""2024-01-01 in seconds since 1970, as the time of every file in an archive: the same sources, the same bytes."""


def build(out: Path) -> tuple[Path, Path]:
    """Builds the source archive, and from it the wheel.

    Args:
        out: A folder for both.

    Returns:
        The wheel and the source archive.
    """
    with tempfile.TemporaryDirectory() as folder:
        source, built = Path(folder) / "source", Path(folder) / "built"
        for name in _FOLDERS:
            shutil.copytree(ROOT / name, source / name, ignore=_left_out)
        for name in _FILES:
            shutil.copy(ROOT / name, source / name)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(built), str(source)]
        done = subprocess.run(
            command,
            env={"SOURCE_DATE_EPOCH": _MOMENT, **os.environ},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"medsyngen's own wheel can't be built\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        out.mkdir(parents=True, exist_ok=True)
        (wheel,), (archive,) = built.glob("medsyngen-*.whl"), built.glob("medsyngen-*.tar.gz")
        return Path(shutil.copy(wheel, out)), Path(shutil.copy(archive, out))


def _left_out(folder: str, names: list[str]) -> set[str]:
    """Caches, and the links that let an editable checkout be imported in place."""
    return {name for name in names if name == "__pycache__" or (Path(folder) / name).is_symlink()}


if __name__ == "__main__":
    for made in build(Path(sys.argv[1])):
        sys.stdout.write(f"{made}\n")
