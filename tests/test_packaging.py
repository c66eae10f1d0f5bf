"""What is installed is what lies in the repository, no more and no less."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import venv
import zipfile
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from install.building import build
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


def members(path: Path) -> dict[str, bytes]:
    """What lies in a wheel or a source archive; of the latter without the folder that holds everything."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(path) as archive:
        files = [each for each in archive.getmembers() if each.isfile()]
        return {each.name.partition("/")[2]: archive.extractfile(each).read() for each in files}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return build(tmp_path_factory.mktemp("built"))


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_its_data_and_nothing_else(built: tuple[Path, Path]) -> None:
    wheel = members(built[0])
    info = f"medsyngen-{__version__}.dist-info/"
    ours = {name: data for name, data in wheel.items() if not name.startswith(info)}
    disk = on_disk(DATA | {".py"})
    assert set(ours) == set(disk)
    assert {name for name, data in ours.items() if data != disk[name].read_bytes()} == set()
    assert f"{info}licenses/LICENSE" in wheel
    for kind in (
        r"configs/.*\.yaml",
        r"report/.*\.(html|j2)",
        r"report/.*\.css",
        r".*schema.*\.json",
        r"experts/.*\.safetensors",
    ):
        assert any(re.fullmatch(f"medsyngen/{kind}", name) for name in wheel), f"no {kind} in the wheel"
    assert not [name for name in wheel if re.search(r"(^|/)(tests?|install|docs|private)/", name)]


def test_no_kind_of_file_is_forgotten() -> None:
    """Whatever lies among the modules is code or a kind of data that the wheel takes."""
    kinds = {
        path.suffix
        for top in TOPS
        for path in (ROOT / top).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != "py.typed"
    }
    assert kinds <= DATA | {".py"}


@pytest.mark.slow
def test_the_source_archive_makes_the_same_wheel(built: tuple[Path, Path]) -> None:
    archive, wheel = members(built[1]), members(built[0])
    info = f"medsyngen-{__version__}.dist-info/"
    back = {package.replace(".", "/"): top for top, package in TOPS.items()}
    for name, data in wheel.items():
        if not name.startswith(info):
            top = max((each for each in back if name.startswith(f"{each}/")), key=len)
            assert archive[name.replace(top, back[top], 1)] == data, name
    assert {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "constraints.txt"} <= set(archive)
    assert not [name for name in archive if name.split("/")[0] in {"tests", "docs", "install"}]


@pytest.mark.slow
def test_the_same_sources_give_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    assert build(tmp_path)[0].read_bytes() == built[0].read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("which", [0, 1], ids=["wheel", "source archive"])
def test_it_installs_and_runs_far_from_the_repository(which: int, built: tuple[Path, Path], tmp_path: Path) -> None:
    """Beside the dependencies that are here already; the whole of an installation is `make check-wheelhouse`."""
    venv.create(tmp_path / "venv", with_pip=False, symlinks=True)
    (packages,) = tmp_path.glob("venv/lib/python*/site-packages")
    # A line of a path file adds a folder and reads no path file in it: the editable medsyngen stays out.
    (packages / "dependencies.pth").write_text("\n".join(path for path in sys.path if "site-packages" in path))
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", str(tmp_path / "venv"), "install", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--quiet", "--ignore-installed", built[which]], check=True
    )
    program, settings = tmp_path / "venv" / "bin" / "medsyngen", {"PATH": os.defpath, "HOME": str(tmp_path)}

    def run(*words: str) -> str:
        done = subprocess.run(
            [program, *words], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    where = "import medsyngen; print(medsyngen.__file__)"
    python = [tmp_path / "venv" / "bin" / "python", "-c", where]
    found = subprocess.run(python, cwd=tmp_path, env=settings, capture_output=True, text=True, check=True).stdout
    assert Path(found.strip()).is_relative_to(packages)
    assert __version__ in run("--version")
    assert "smoke-16" in run("recipes")
    assert "smoke-16" in run("recipes", "smoke-16")
