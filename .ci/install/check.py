"""Installs a wheelhouse as a hospital would, without a network, and runs the whole job once: ``make check-wheelhouse``.

In a fresh virtual environment, in a network of its own with nothing in it (``unshare``, where the machine allows it),
with no setting of pip's from this machine.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from install.building import build
from install.contents import REQUIREMENTS, SUMS

_FEW: Final = "--set synthesis.public.steps=2 --set synthesis.sampler_steps=2"
JOB: Final = (
    "medsyngen --version",
    "medsyngen recipes",
    "medsyngen plan smoke-16 --patients-at-most 50 --no-measure",
    f"medsyngen fit smoke-16 --set synthesis.public_bands=all {_FEW} --run RUN",
    "medsyngen export RUN --out COHORT --count 4 --format dicom,nifti,png",
    "medsyngen verify COHORT",
)
"""From phantoms alone: no scan, no ledger, seconds."""
_ALONE: Final = ("unshare", "--map-root-user", "--net")


def without_network() -> list[str]:
    """Returns what a command is put behind so that it has no network; nothing, where the machine does not allow it."""
    tried = shutil.which(_ALONE[0]) and subprocess.run([*_ALONE, "true"], capture_output=True, check=False)
    return list(_ALONE) if tried and tried.returncode == 0 else []


class Site:
    """A folder that stands for the machine behind the firewall."""

    def __init__(self, folder: Path, alone: Sequence[str]) -> None:
        self._folder = folder
        self._alone = list(alone)
        self.bin = folder / "venv" / "bin"

    def run(self, *command: str) -> None:
        """Runs a command there, and stops everything if it fails."""
        settings = {
            "PATH": f"{self.bin}:{os.defpath}",
            "HOME": str(self._folder),
            "PIP_CONFIG_FILE": os.devnull,
            "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1"),
        }
        begun = time.monotonic()
        done = subprocess.run([*self._alone, *command], cwd=self._folder, env=settings, check=False)
        sys.stdout.write(f"  {time.monotonic() - begun:5.1f} s  {' '.join(command)}\n")
        sys.stdout.flush()
        if done.returncode:
            raise SystemExit(f"failed with {done.returncode}: {' '.join(command)}")


def check(wheelhouse: Path, folder: Path, alone: Sequence[str]) -> None:
    """Installs and runs.

    Args:
        wheelhouse: One for this machine and Python.
        folder: An empty folder.
        alone: What takes the network away (:func:`without_network`).
    """
    site = Site(folder, alone)
    house = wheelhouse.resolve()
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", SUMS], cwd=house, check=True)
    site.run(sys.executable, "-m", "venv", "venv")
    pip = ["python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-compile", "--no-index"]
    site.run(*pip, "--find-links", str(house), "--require-hashes", "-r", str(house / REQUIREMENTS))
    site.run("python", "-m", "pip", "check")
    for line in JOB:
        site.run(*line.split())
    _, archive = build(folder / "built")
    site.run(*pip, "--no-deps", "--no-build-isolation", "--force-reinstall", str(archive))
    for line in JOB[:2]:
        site.run(*line.split())


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make check-wheelhouse", description=__doc__)
    parser.add_argument("wheelhouse", type=Path)
    given = parser.parse_args(arguments)
    alone = without_network()
    with tempfile.TemporaryDirectory() as folder:
        check(given.wheelhouse, Path(folder), alone)
    sys.stdout.write(
        f"installed and ran {'without a network' if alone else 'with --no-index; unshare not allowed here'}\n"
    )


if __name__ == "__main__":
    main()
