"""What the README and the docs tell people to type works: every command and every Python block is run."""

import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from medsyngen.privacy.budget import Budget
from medsyngen.privacy.ledger import Ledger
from medsyngen.simulation.hospital import simulate_hospital

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
# Small numbers in place of a hospital's.
EVOLVED = "--set synthesis.evolution.members=60"
FEW = " --set synthesis.evolved.steps=3 --set synthesis.private.steps=1 --set synthesis.sampler_steps=2"
SMALLER = [
    (" chest-radiograph-32", " smoke-16"),
    ('"chest-radiograph-32', '"smoke-16'),
    ("3000", "50"),
    ("at-most 300 ", "at-most 50 "),
    ("--count 1000", "--count 6"),
    ("--repeats 200", "--repeats 40"),
    (EVOLVED, EVOLVED + FEW),
    ("--recipe portrait-32 --patients 300 --count 40", "--recipe smoke-16 --patients 40 --count 6"),
    ("portrait-32 --scans PRACTICE", "portrait-32 --set synthesis.retargeting.bank=500 --scans PRACTICE"),
]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)


def smaller(text: str) -> str:
    for old, new in SMALLER:
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_within_the_repository_lead_somewhere(page: Path):
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


@pytest.fixture(scope="module")
def simulated(tmp_path_factory) -> Path:
    """Scans of forty simulated patients, and a cache in which what phantoms taught is kept from page to page."""
    folder = tmp_path_factory.mktemp("simulated")
    simulate_hospital(folder / "SCANS", patients=40, size=16, seed=5)
    return folder


@pytest.fixture
def hospital(simulated: Path, tmp_path: Path, monkeypatch) -> Path:
    shutil.copytree(simulated / "SCANS", tmp_path / "SCANS")
    rows = ["patient_id,mapped_to"] + [f"SIM-{i:05d},person {i}" for i in range(1, 41)]
    (tmp_path / "who-is-who.csv").write_text("\n".join(rows) + "\n")
    (tmp_path / "our-labels.csv").write_text((tmp_path / "SCANS" / "labels.csv").read_text())
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(simulated / "cache"))
    monkeypatch.setenv("MEDSYNGEN_LEDGER", str(tmp_path / "site" / "ledger.jsonl"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def medsyngen(monkeypatch, capsys):
    """Runs a command in this process, by the installed entry point: torch is loaded once for all pages."""
    (script,) = entry_points(group="console_scripts", name="medsyngen")
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # main sets it; put back afterwards
    disabled = logging.root.manager.disable

    def run(words: list[str]) -> tuple[object, str, str]:
        monkeypatch.setattr(sys, "argv", ["medsyngen", *words])
        capsys.readouterr()
        code: object = 0
        try:
            script.load()()
        except SystemExit as stop:
            code = stop.code or 0
        return code, *capsys.readouterr()

    yield run
    logging.disable(disabled)


def open_the_site(folder: Path) -> None:
    (folder / "site").mkdir()
    Ledger.create(
        folder / "site" / "ledger.jsonl", budget=Budget(100.0, 1e-5), patients_at_most=50, reason=None, approved_by="x"
    ).close()


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if "medsyngen " in "".join(blocks(p, "sh"))], ids=lambda p: p.name)
def test_commands_run_as_written(page: Path, hospital: Path, medsyngen):
    ran = 0
    if "medsyngen ledger create" not in page.read_text():
        open_the_site(hospital)
    for block in blocks(page, "sh"):
        for line in smaller(block).replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] != ["medsyngen"]:
                continue
            end = words.index(">") if ">" in words else len(words)
            code, out, err = medsyngen(words[1:end])
            assert code == 0, f"{line}\n{err}"
            for file in words[end + 1 :]:
                (hospital / file).write_text(out)
            ran += 1
    assert ran


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p, "python")], ids=lambda p: p.name)
def test_python_blocks_run_as_written(page: Path, hospital: Path):
    open_the_site(hospital)
    for block in blocks(page, "python"):
        done = subprocess.run(
            [sys.executable, "-c", smaller(block)], cwd=hospital, capture_output=True, text=True, env={**os.environ}
        )
        assert done.returncode == 0, done.stderr
