"""What is installed is what lies in the repository, no more and no less."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from medsyngen.version import __version__

ROOT = Path(__file__).resolve().parents[1]
TOPS = {"medsyngen": "medsyngen", "cli": "medsyngen.cli", "configs": "medsyngen.configs"}
DATA = {".yaml", ".json", ".html", ".css", ".j2", ".safetensors", ".typed"}


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def on_disk(suffixes: set[str]) -> dict[str, Path]:
    """Files of the package by the name that they have in the wheel."""
    found = {}
    for top, package in TOPS.items():
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and (path.suffix in suffixes or path.name == "py.typed"):
                found[f"{package.replace('.', '/')}/{path.relative_to(ROOT / top).as_posix()}"] = path
    return found


def test_every_package_on_disk_is_listed(project: dict[str, Any]) -> None:
    modules = on_disk({".py"})
    packages = {name.rpartition("/")[0] for name in modules}
    assert packages == {name.rpartition("/")[0] for name in modules if name.endswith("/__init__.py")}
    assert sorted(name.replace("/", ".") for name in packages) == sorted(project["tool"]["setuptools"]["packages"])


def test_the_version_stands_in_one_place_and_in_the_changelog() -> None:
    newest = re.search(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    assert newest is not None
    assert newest.group(1) == __version__ == version("medsyngen")


def test_every_direct_dependency_is_pinned_within_its_range(project: dict[str, Any]) -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    pins = dict(line.lower().split("==") for line in lines)
    extras = project["project"]["optional-dependencies"].values()
    wanted = [Requirement(text) for text in [*project["project"]["dependencies"], *(t for e in extras for t in e)]]
    for requirement in wanted:
        if requirement.name != "medsyngen":
            assert requirement.name.lower() in pins, f"{requirement.name} is not in constraints.txt"
            assert requirement.specifier.contains(pins[requirement.name.lower()], prereleases=True), str(requirement)


def test_the_entry_point_loads() -> None:
    (script,) = entry_points(group="console_scripts", name="medsyngen")
    assert callable(script.load())


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(tmp_path: Path) -> None:
    # A copy, because a build leaves files behind that the next build would pick up.
    source = tmp_path / "source"
    for top in TOPS:
        shutil.copytree(ROOT / top, source / top, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*build, "-w", tmp_path, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    (wheel,) = tmp_path.glob("medsyngen-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = f"medsyngen-{__version__}.dist-info/"
    assert {name for name in names if not name.startswith(info)} == set(on_disk(DATA | {".py"}))
    assert f"{info}licenses/LICENSE" in names
    for kind in (r"configs/.*\.yaml", r"report/.*\.(html|j2)", r".*schema.*\.json", r"experts/.*\.safetensors"):
        assert any(re.fullmatch(f"medsyngen/{kind}", name) for name in names), f"no {kind} in the wheel"
