"""Fills a folder with every wheel that an offline installation needs: ``make wheelhouse``.

Each file is checked against the lock files as it comes in; what is written beside the wheels (``requirements.txt`` with
hashes, ``sbom.cdx.json``, ``SHA256SUMS``) lets the machine behind the firewall check it again.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from install import contents
from install.building import build
from install.lockfiles import EXTRAS, Locked, read
from install.sbom import write_sbom
from install.target import NotMade, Target, this_python

TORCHES: Final = ("cpu", "cuda")


def wanted(target: Target, torch: str, extras: Sequence[str]) -> list[Locked]:
    """Returns what is installed there, torch last.

    Args:
        target: The machine.
        torch: ``cpu`` or ``cuda``. macOS has one build only, PyPI's.
        extras: Some of :data:`install.lockfiles.EXTRAS`.

    Raises:
        NotMade: There is no such extra or build of torch.
    """
    unknown = sorted(set(extras) - set(EXTRAS))
    if unknown or torch not in TORCHES:
        raise NotMade(
            f"there is no {', '.join(unknown) or torch}: extras are {', '.join(EXTRAS)}; torch is cpu or cuda"
        )
    environment = target.environment()
    build_of_torch = "torch-cpu" if torch == "cpu" and environment["sys_platform"] == "linux" else "torch-cuda"
    locked = read("base", *extras, build_of_torch)
    return [each for each in locked if each.wanted(environment)]


def fetch(locked: Sequence[Locked], target: Target, out: Path, index: Sequence[str] = ()) -> None:
    """Puts the wheels of these packages into a folder; each must have one of its hashes.

    A package that has no wheel is built here, for this machine only. Elsewhere it is taken if what comes out fits every
    machine.

    Args:
        locked: What to fetch.
        target: For which machine.
        out: The folder.
        index: Options that tell pip where to look; empty is pip's own configuration.

    Raises:
        NotMade: pip could not get one of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder) / "requirements.txt"
        listed.write_text("".join(f"{each.requirement()}\n" for each in locked), encoding="utf-8")
        common = ["--no-deps", "--require-hashes", "-r", str(listed), *index]
        if target.is_this_machine:
            command = ["wheel", "--no-build-isolation", "-w", str(out), *common]
        else:
            command = ["download", "-d", str(out), *target.pip_options(), *common]
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
        if subprocess.run([*pip, *command], stdout=sys.stderr, check=False).returncode:
            raise NotMade(f"pip could not get every wheel for {target}; what it said stands above")


def fill(out: Path, target: Target, torch: str, extras: Sequence[str], torch_index: str) -> None:
    """Makes the wheelhouse; a folder that is there already is replaced if it is one.

    Raises:
        NotMade: Something could not be had, or the folder holds something else.
    """
    if out.exists() and not (out / contents.SUMS).is_file():
        raise NotMade(f"{out} is there and is no wheelhouse: remove it, or name another by WHEELHOUSE=")
    packages = wanted(target, torch, extras)
    part = out.with_name(f"{out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    fetch([each for each in packages if each.name != "torch"], target, part)
    pytorch = [each for each in packages if each.name == "torch"]
    try:
        fetch(pytorch, target, part)
    except NotMade:
        if not torch_index or pytorch[0].version.partition("+")[2] != "cpu":
            raise
        sys.stderr.write(f"no {pytorch[0].version} from pip's own index: asking {torch_index}\n")
        fetch(pytorch, target, part, ["--index-url", torch_index])
    build(part)[1].unlink()
    write_sbom(part, part / contents.SBOM)
    contents.describe(part, target, torch, extras)
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make wheelhouse", description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--torch", default="cpu", help="cpu or cuda")
    parser.add_argument("--extras", default="codecs,metrics", help=f"some of {','.join(EXTRAS)}, or nothing")
    parser.add_argument("--python", default=this_python(), help="of the other machine, for instance 3.12")
    parser.add_argument("--platform", default="", help="of the other machine, for instance manylinux_2_28_x86_64")
    parser.add_argument("--torch-index", default="", help="asked for a CPU build that pip's own index has not")
    parser.add_argument("--sign", type=Path, help="an SSH key: SHA256SUMS is signed with it")
    given = parser.parse_args(arguments)
    target = Target(given.python, given.platform)
    fill(given.out, target, given.torch, [each for each in given.extras.split(",") if each], given.torch_index)
    if given.sign:
        contents.sign(given.out, given.sign)
    size = sum(path.stat().st_size for path in given.out.iterdir()) / 1e6
    sys.stdout.write(f"{given.out}: {len(list(given.out.glob('*.whl')))} wheels, {size:.0f} MB, for {target}\n")


if __name__ == "__main__":
    main()
