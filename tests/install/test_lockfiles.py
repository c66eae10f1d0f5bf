"""What is locked is what pyproject.toml asks for, at the versions that the tests run with, whole and with hashes."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from install.lockfiles import EXTRAS, FOLDER, Locked, parse, read, without
from install.target import Target

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = {
    canonicalize_name(line.partition("==")[0]): line.partition("==")[2]
    for line in (ROOT / "constraints.txt").read_text().splitlines()
    if not line.startswith("#")
}
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_28_aarch64", "macosx_14_0_arm64")
TARGETS = [Target(python, platform) for python in ("3.11", "3.12") for platform in PLATFORMS]


def locked_for(target: Target, *names: str) -> dict[str, Locked]:
    return {each.name: each for each in read(*names) if each.wanted(target.environment())}


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_direct_dependency_is_locked_within_its_range(target: Target) -> None:
    locked = locked_for(target, "base", "torch-cuda", *EXTRAS)
    extras = PROJECT["optional-dependencies"]
    asked = [Requirement(text) for text in [*PROJECT["dependencies"], *(t for e in EXTRAS for t in extras[e])]]
    for requirement in asked:
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is in no lock file: make lock"
        assert requirement.specifier.contains(locked[name].version), f"{requirement} and {locked[name].version}"


def test_what_is_locked_is_what_the_tests_run_with() -> None:
    for each in read("base", "torch-cpu", "torch-cuda", *EXTRAS, "tools"):
        if each.name in PINS:
            assert Version(each.version).public == PINS[each.name], f"{each.name}: make lock"


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_what_the_locked_packages_need_is_locked_too(target: Target) -> None:
    """By the metadata of what is installed here, with the markers of there."""
    locked, asked = locked_for(target, "base", "torch-cuda", *EXTRAS), 0
    for name, each in locked.items():
        try:
            found = distribution(name)
        except PackageNotFoundError:  # a part of CUDA
            continue
        # torch's own CPU build names no CUDA; what it needs besides is the same
        for text in found.requires or [] if Version(found.version).public == each.version else []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({**target.environment(), "extra": ""}):
                other = locked.get(canonicalize_name(requirement.name))
                assert other is not None, f"{name} needs {requirement}"
                assert requirement.specifier.contains(other.version, prereleases=True), f"{name} needs {requirement}"
                asked += 1
    assert asked > 50


def test_nothing_of_cuda_comes_with_the_cpu_build() -> None:
    for target in TARGETS[:2]:
        names = set(locked_for(target, "base", "torch-cpu", *EXTRAS))
        assert "torch" in names
        assert not {name for name in names if name.startswith(("nvidia", "cuda", "triton"))}


def test_the_files_hold_packages_and_hashes_and_no_address() -> None:
    """No index, mirror or path of the machine that made them: where to look is for whoever installs to say."""
    for path in FOLDER.iterdir():
        for line in path.read_text().splitlines():
            assert re.match(r"#|    (#|--hash=sha256:[0-9a-f]{64}( \\)?$)|[a-z0-9]", line), f"{path.name}: {line}"
            assert not re.search(r"://|@|^\s*--(?!hash)", line), f"{path.name}: {line}"


def test_a_package_without_a_hash_or_a_version_is_no_lock() -> None:
    good = "one==1.0 ; python_version < '4' \\\n    --hash=sha256:" + "a" * 64 + "\n    # via two\n"
    (each,) = parse("# head\n" + good)
    assert (each.name, each.version, each.hashes) == ("one", "1.0", frozenset({"a" * 64}))
    assert each.requirement() == f"one==1.0 --hash=sha256:{'a' * 64}"
    assert without([each], [each]) == []
    for bad in ("one==1.0\n", good.replace("==", ">="), good.replace("sha256", "md5")):
        with pytest.raises(ValueError, match="one"):
            parse(bad)
