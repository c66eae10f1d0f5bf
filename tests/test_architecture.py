"""Who may import whom, beyond the layers of import-linter, and what `medsyngen --help` may load."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "monai", "matplotlib", "skimage", "scipy", "opacus", "dp_accounting", "pydicom", "nibabel")


def imported_names(source: str, module: str) -> set[str]:
    """Absolute dotted names that a module imports anywhere, also inside functions.

    Args:
        source: Its text.
        module: Its own dotted name, against which relative imports are resolved.
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {base} | {f"{base}.{each.name}" for each in node.names}
    return names


def imports_of(*folders: str) -> dict[str, set[str]]:
    """What every module below the folders imports, by its path in the repository."""
    found = {}
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        place = path.relative_to(ROOT)
        # a package's own name stands for its __init__, so that one level up from it is the package itself
        found[str(place)] = imported_names(path.read_text(), ".".join(place.with_suffix("").parts))
    return found


def importers(*names: str) -> set[str]:
    """Modules of the product that import one of the names, or something below it."""
    wanted = tuple(f"{name}." for name in names)
    everything = imports_of("medsyngen", "cli", "configs").items()
    return {path for path, found in everything if any(f"{name}.".startswith(wanted) for name in found)}


def outside(paths: set[str], *allowed: str) -> set[str]:
    return {path for path in paths if not path.startswith(allowed)}


def test_imports_are_resolved() -> None:
    assert imported_names("from .console import say", "cli.fit") >= {"cli.console", "cli.console.say"}
    assert imported_names("from . import console", "cli.fit") >= {"cli.console"}
    assert imported_names("def f():\n    import rich.table", "x.y") == {"rich.table"}


def test_import_linter_keeps_its_contracts() -> None:
    pytest.importorskip("importlinter", reason="import-linter comes with the dev extra")
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    verdict = subprocess.run([*command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert verdict.returncode == 0, verdict.stdout + verdict.stderr


def test_rich_is_imported_in_the_console_only() -> None:
    assert importers("rich") <= {"cli/console.py"}


def test_the_library_never_sees_the_commands() -> None:
    assert outside(importers("cli", "medsyngen.cli"), "cli/") == set()


def test_commands_import_their_siblings_relatively() -> None:
    """Under `medsyngen.cli` and under `cli` alike: an absolute name would load the module twice."""
    for path in (ROOT / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level == 0:
                assert not f"{node.module}.".startswith(("cli.", "medsyngen.cli.")), path.name
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1, f"{path.name}: the library is imported absolutely"


def test_only_privacy_couples_the_parts_of_the_mechanism() -> None:
    parts = ("clipping", "noise", "patient_sampling")
    on_phantoms = (  # a whole step before the first charge; the audit's adversary; the estimate of time and memory
        "medsyngen/synthesis/rehearsal.py",
        "medsyngen/evaluation/",
        "medsyngen/planning/",
    )
    couplers = importers(*(f"medsyngen.privacy.{part}" for part in parts))
    assert outside(couplers, "medsyngen/privacy/", *on_phantoms) == set()


def test_only_those_who_spend_or_show_the_budget_see_the_ledger() -> None:
    allowed = ("medsyngen/privacy/", "medsyngen/synthesis/", "medsyngen/release/", "medsyngen/report", "cli/")
    seers = importers("medsyngen.privacy.ledger")
    assert outside(seers, *allowed, "medsyngen/pipeline/", "medsyngen/evaluation/attacked_training.py") == set()


def test_report_and_release_never_see_a_private_cohort() -> None:
    below = ("medsyngen/report", "medsyngen/release/", "medsyngen/planning")
    private = importers("medsyngen.cohort.cohort", "medsyngen.cohort.Cohort", "medsyngen.cohort.reading")
    assert {path for path in private if path.startswith(below)} == set()


def test_public_training_never_sees_a_private_cohort() -> None:
    assert {path for path in importers("medsyngen.cohort") if path.startswith("medsyngen/diffusion/")} == set()


def test_seeded_privacy_noise_is_for_tests_only() -> None:
    callers = importers("medsyngen.randomness.seeded_generator_for_tests")
    assert callers == set()


def test_nothing_is_pickled() -> None:
    assert importers("pickle", "cloudpickle", "dill", "shelve") == set()


def test_help_loads_nothing_heavy() -> None:
    program = f"""
import sys
from importlib.metadata import entry_points
(script,) = entry_points(group="console_scripts", name="medsyngen")
main = script.load()
sys.argv = ["medsyngen", "--help"]
code = 0
try:
    main()
except SystemExit as stop:
    code = stop.code or 0
loaded = [name for name in {HEAVY!r} if name in sys.modules]
print("LOADED", loaded, "CODE", code)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "LOADED [] CODE 0" in done.stdout, done.stdout[-2000:] + done.stderr[-2000:]
    assert "Usage" in done.stdout
