"""The command line as its users start it: by the installed entry point, in this process or in one of its own."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pydicom
import pytest

from medsyngen.simulation.hospital import simulate_hospital

PATIENTS = 40
# Wide and plain, so that no line is broken inside a word that a test looks for.
PLAIN = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1"}
PROGRAM = """
import sys
from importlib.metadata import entry_points
(script,) = entry_points(group="console_scripts", name="medsyngen")
sys.argv[0] = "medsyngen"
script.load()()
"""


@dataclass(frozen=True)
class Done:
    """What a command left behind: exit code, stdout, stderr."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """All that was printed, in one line: tables and wide texts are broken anywhere."""
        return " ".join(f"{self.out} {self.err}".split())


Cli = Callable[..., Done]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Experts trained by tests are shared by the tests and stay out of the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the ledger of the site lies in this test; there is none yet."""
    path = tmp_path_factory.mktemp("site") / "ledger.jsonl"
    monkeypatch.setenv("MEDSYNGEN_LEDGER", str(path))
    return path


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Cli]:
    """Runs a command in this process: quick, because torch is loaded once."""
    (script,) = entry_points(group="console_scripts", name="medsyngen")
    main = script.load()
    for name, value in PLAIN.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets it; put back afterwards
    disabled = logging.root.manager.disable

    def run(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["medsyngen", *map(str, arguments)])
        capsys.readouterr()
        code: Any = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code or 0
        return Done(code, *capsys.readouterr())

    yield run
    logging.disable(disabled)


@pytest.fixture
def process(tmp_path: Path) -> Cli:
    """Runs a command in a process of its own, as users do; ``before`` is Python run ahead of it."""

    def run(*arguments: object, before: str = "", env: dict[str, str] | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", before + PROGRAM, *map(str, arguments)],
            cwd=tmp_path,
            env={**os.environ, **PLAIN, **(env or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def clean_hospital(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated hospital of 40 patients, 16 x 16 pixels; tests only read it."""
    folder = tmp_path_factory.mktemp("simulated") / "hospital"
    simulate_hospital(folder, patients=PATIENTS, size=16, seed=3)
    return folder


@pytest.fixture
def hospital(clean_hospital: Path, tmp_path: Path) -> Path:
    """A copy of the simulated hospital that a test may damage."""
    return shutil.copytree(clean_hospital, tmp_path / "hospital")


@pytest.fixture(scope="session")
def private_words(clean_hospital: Path) -> list[str]:
    """Names, IDs, dates and UIDs of the simulated patients: none may ever be printed."""
    words = set()
    for path in sorted(clean_hospital.rglob("*.dcm"))[:40]:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        for name in ("PatientName", "PatientID", "PatientBirthDate", "StudyDate", "AccessionNumber", "SOPInstanceUID"):
            words |= {str(header.get(name, "")), *str(header.get(name, "")).split("^")}
    found = sorted(word for word in words if len(word) > 3)
    assert len(found) > 100
    return found


@pytest.fixture
def damaged(hospital: Path) -> Path:
    """The hospital with a coloured, a truncated and a text file beside some hundred good ones."""
    first, second, third = sorted(hospital.rglob("*.dcm"))[:3]
    coloured = pydicom.dcmread(first)
    coloured.SamplesPerPixel, coloured.PhotometricInterpretation, coloured.PlanarConfiguration = 3, "HSV", 0
    coloured.PixelData = coloured.PixelData * 3
    coloured.save_as(first)
    second.write_bytes(second.read_bytes()[:-200])
    third.write_text("Dear colleague, see you on Monday.\n")
    return hospital
