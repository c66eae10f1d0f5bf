"""House rules that no linter knows: short files, nothing unfinished, no global randomness, no broad except."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LONGEST = 300
PACKAGES = ("medsyngen", "cli", "configs")
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".html", ".css", ".j2", ".json", ".cfg", ""}

UNFINISHED = re.compile(r"raise NotImplementedError|\bTODO\b|\bFIXME\b|\bXXX\b|#\s*stub\b")  # catching it is fine
GLOBAL_RANDOMNESS = re.compile(
    r"torch\.(cuda\.)?manual_seed\b|(?<![\w.])random\.seed\b"
    r"|(np|numpy)\.random\.(?!Generator\b|default_rng\b|PCG64\b|Philox\b|SeedSequence\b|BitGenerator\b)\w+"
)
MACHINE_PATH = re.compile(r"(?<![\w.:/-])/(home|root|work|Users|private)/\w")
ISSUE_NUMBER = re.compile(r"\bissues? #?\d", re.IGNORECASE)


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def text_files() -> list[Path]:
    """Everything that belongs to the repository, without asking git (a fresh archive has none)."""
    tops = [ROOT / name for name in (*PACKAGES, "tests", "docs", ".ci", ".github")]
    inside = [path for top in tops for path in top.rglob("*") if "__pycache__" not in path.parts]
    return sorted(p for p in [*inside, *ROOT.iterdir()] if p.is_file() and p.suffix in TEXT and p != Path(__file__))


def hits(pattern: re.Pattern[str], files: list[Path]) -> list[str]:
    found = []
    for path in files:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    return found


def broad_excepts(source: str) -> list[int]:
    """Lines of ``except:``, ``except Exception`` and ``except (..., Exception)``; re-raising doesn't excuse them."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(each is None or (isinstance(each, ast.Name) and each.id == "Exception") for each in caught):
                lines.append(node.lineno)
    return lines


def test_no_file_is_longer_than_300_lines() -> None:
    files = [*python_files(*PACKAGES, "tests"), *(ROOT / "medsyngen").rglob("*.html"), *(ROOT / "cli").rglob("*.j2")]
    assert len(files) > 10
    long = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path in files}
    assert {path: lines for path, lines in long.items() if lines > LONGEST} == {}


def test_nothing_is_left_unfinished() -> None:
    assert hits(UNFINISHED, python_files(*PACKAGES)) == []


def test_no_global_randomness() -> None:
    files = [path for path in python_files(*PACKAGES, "tests") if path != Path(__file__)]
    assert hits(GLOBAL_RANDOMNESS, files) == []


def test_no_broad_except() -> None:
    found = {str(path.relative_to(ROOT)): broad_excepts(path.read_text()) for path in python_files(*PACKAGES)}
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_no_machine_paths_and_no_issue_numbers() -> None:
    assert hits(MACHINE_PATH, text_files()) == []
    assert hits(ISSUE_NUMBER, text_files()) == []


@pytest.mark.parametrize(
    ("pattern", "bad", "good"),
    [
        (UNFINISHED, "raise NotImplementedError", "except NotImplementedError:"),
        (UNFINISHED, "x = 1  # TODO: more", "x = 1  # mastodons"),
        (GLOBAL_RANDOMNESS, "torch.manual_seed(0)", "torch.Generator().manual_seed(0)"),
        (GLOBAL_RANDOMNESS, "np.random.normal(0, 1)", "np.random.Generator(np.random.PCG64(1))"),
        (GLOBAL_RANDOMNESS, "np.random.seed(0)", "rng.random(3)"),
        (GLOBAL_RANDOMNESS, "random.seed(0)", "self.random.seed_of(0)"),
        (MACHINE_PATH, "open('/home/someone/scans')", "https://host.example/home/page"),
        (ISSUE_NUMBER, "see issue 12", "the issuer of 12 identifiers"),
    ],
)
def test_the_patterns_find_what_they_should_and_no_more(pattern: re.Pattern[str], bad: str, good: str) -> None:
    assert pattern.search(bad)
    assert not pattern.search(good)


@pytest.mark.parametrize("handler", ["except:", "except Exception:", "except (OSError, Exception) as e:"])
def test_broad_excepts_are_found(handler: str) -> None:
    assert broad_excepts(f"try:\n    pass\n{handler}\n    raise\n") == [3]
    assert broad_excepts("try:\n    pass\nexcept (OSError, ValueError):\n    pass\n") == []
