"""The page of pitfalls and the tests agree: every known pitfall is listed, every name on the page leads to a test."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "explanation" / "pitfalls.md"
APPLY = (  # every way that the design knows of; those found since stand on the page, too
    "a user's seed makes the noise repeat",
    "resume under-reports",
    "class counts and class list read from private data",
    "FID on private data in the release",
    "noise once per rank under torchrun",
    "accumulation over micro-batches clips twice or adds noise twice",
    "empty Poisson batch skipped",
    "K noise draws clipped one by one",
    "a scan of a patient under two IDs",
    "denominator from the actual batch",
    "label dropout or timesteps drawn for the nominal batch size",
    "normalisation from the batch",
    "private sampling from a seeded stream",
    "one patient shifts the others' draws",
    "noise key in a checkpoint",
    "parameter without a per-patient gradient silently skipped",
    "noise buffer reused",
    "ε computed for steps planned, not steps charged",
    "δ larger than 1/(10·N_max)",
    "N filled in from the data",
    "a release that stops or passes on private pixels",
    "shuffled instead of Poisson",
    "patient in two classes votes twice",
    "duplicated index doubles votes",
    "an un-noised histogram in a checkpoint",
)
NOT_YET = {  # pitfall -> what a module is called, or imports, once it applies
    "latent scale from the first private batch": r"latent|autoencoder|\bvae",
}


def rows(text: str) -> dict[str, list[str]]:
    """The cells of every table on the page, by the pitfall in bold in the first."""
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        name = re.match(r"\*\*(.+?)\*\*", cells[0].lstrip("| "))
        if line.startswith("|") and name:
            assert name[1] not in found, f"twice on the page: {name[1]}"
            found[name[1]] = cells
    return found


def named_on(text: str) -> list[tuple[str, str]]:
    return re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)


@lru_cache
def functions_in(path: Path) -> frozenset[str]:
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def pitfall_files() -> list[Path]:
    return sorted((ROOT / "tests" / "pitfalls").glob("test_*.py"))


def mutants_in(path: Path) -> dict[str, list[str]]:
    """Names of the mutants by the tests that judge them: the keys of the tables in capitals that a test refers to."""
    tables, judged = {}, {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict) and isinstance(node.targets[0], ast.Name):
            tables[node.targets[0].id] = [key.value for key in node.value.keys if isinstance(key, ast.Constant)]
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            names = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            judged[node.name] = [mutant for table in tables if table in names for mutant in tables[table]]
    unjudged = [t for t in tables if not any(set(tables[t]) <= set(found) for found in judged.values())]
    assert not unjudged, unjudged
    return judged


def modules(root: Path) -> dict[str, str]:
    """Of every module of the product: where it lies and what it imports."""
    found = {}
    for path in sorted(p for folder in ("medsyngen", "cli") for p in (root / folder).rglob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        names += [
            f"{node.module}.{alias.name}" for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names
        ]
        found[str(path.relative_to(root))] = " ".join([str(path.relative_to(root)), *names])
    return found


def without_a_test(root: Path, text: str) -> list[str]:
    """Pitfalls that apply by now, because their part is there, and have no test on the page."""
    known, listed = modules(root).values(), rows(text)
    applying = [
        name for name, part in NOT_YET.items() if any(re.search(part, module, re.IGNORECASE) for module in known)
    ]
    return [name for name in applying if not named_on(" ".join(listed.get(name, [])))]


def test_every_known_pitfall_is_on_the_page():
    assert set(rows(PAGE.read_text("utf-8"))) >= {*APPLY, *NOT_YET}


def test_every_pitfall_that_applies_names_a_test_and_its_mutants():
    for name, cells in rows(PAGE.read_text("utf-8")).items():
        if name in NOT_YET and len(cells) == 3:
            continue
        assert len(cells) == 4, name
        assert named_on(cells[2]), name
        assert cells[1], name
        assert cells[3].strip("| "), name


def test_every_test_on_the_page_exists():
    named = named_on(PAGE.read_text("utf-8"))
    assert [f"{file}::{test}" for file, test in named if test not in functions_in(ROOT / file)] == []


def test_every_test_and_every_mutant_is_on_the_page_where_it_belongs():
    listed = rows(PAGE.read_text("utf-8")).values()
    for path in pitfall_files():
        for test, mutants in mutants_in(path).items():
            (cells,) = [c for c in listed if (str(path.relative_to(ROOT)), test) in named_on(" ".join(c))]
            assert mutants, f"{test} judges no mutant"
            assert sorted(cells[3].strip("| ").split(" · ")) == sorted(mutants), test


def test_the_counts_on_the_page_are_right():
    judged = [mutants for path in pitfall_files() for mutants in mutants_in(path).values()]
    page = PAGE.read_text("utf-8")
    listed = rows(page)
    applying = [name for name, cells in listed.items() if named_on(" ".join(cells))]
    assert f"{len(listed)} pitfalls, of which {len(applying)} apply so far" in page
    assert f"{len(judged)} tests with {sum(map(len, judged))} mutants" in page


def test_no_part_came_without_the_test_of_its_pitfall():
    assert without_a_test(ROOT, PAGE.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("module", "text", "pitfall"),
    [
        ("medsyngen/diffusion/latent.py", "", "latent scale from the first private batch"),
        ("medsyngen/diffusion/c.py", "from monai.networks.nets import AutoencoderKL", "latent scale"),
    ],
)
def test_a_part_without_the_test_of_its_pitfall_is_noticed(tmp_path, module, text, pitfall):
    (tmp_path / module).parent.mkdir(parents=True)
    page = PAGE.read_text("utf-8")
    assert without_a_test(tmp_path, page) == []
    (tmp_path / module).write_text(text)
    missing = without_a_test(tmp_path, page)
    assert any(name.startswith(pitfall) for name in missing)
    named = "".join(f"| **{name}** | x | `tests/a.py::test_b` | m |\n" for name in missing)
    assert without_a_test(tmp_path, named) == []


def test_what_is_not_on_the_page_is_noticed():
    assert rows("| **a** (b) | c | `tests/x.py::test_y` | d |") == {
        "a": ["**a** (b)", "c", "`tests/x.py::test_y`", "d"]
    }
    with pytest.raises(AssertionError, match="twice"):
        rows("| **a** | b |\n| **a** | c |")
