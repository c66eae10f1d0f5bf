"""The pages on accounting: their figures are those of the benchmark, their snippet recomputes a real run's ε."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from medsyngen.pipeline import run_recipe
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.chain import canonical, line_hash
from medsyngen.privacy.ledger import Ledger
from medsyngen.recipe import load_recipe
from medsyngen.simulation.hospital import simulate_hospital

ROOT = Path(__file__).resolve().parents[1]
ACCOUNTING = ROOT / "docs" / "explanation" / "accounting.md"
KEEPING = ROOT / "docs" / "how-to" / "keep-the-ledger.md"
PAGES = [
    ACCOUNTING,
    KEEPING,
    ROOT / "docs" / "explanation" / "guarantee.md",
    ROOT / "docs" / "how-to" / "answer-a-reviewer.md",
]
DELTA = 1e-5


@cache
def measured():
    return json.loads((ROOT / "docs" / "benchmarks" / "accountants.json").read_text())


def number(value):
    return f"{value:,.0f}" if isinstance(value, int) or value >= 1000 else f"{value:.4g}"


def setting_line(row):
    spent, several = row["epsilon"], row["several_runs"]
    cells = [
        row["what"],
        *(number(row[k]) for k in ("patients", "q", "steps", "noise_multiplier")),
        f"{row['delta']:.2g}",
    ]
    cells += [
        number(spent["optimistic_pld"]),
        f"**{number(spent['pld'])}**",
        *(number(spent[k]) for k in ("prv", "renyi")),
    ]
    cells += [f"{number(spent['filter'])} ({row['order']})", number(several["pld"]), number(several["filter"])]
    return f"| {' | '.join(cells)} |"


def share_line(row):
    spent = row["epsilon"]
    cells = [number(row["budget"]), str(row["runs"]), number(row["noise_multiplier"])]
    return f"| {' | '.join([*cells, number(spent['each']), number(spent['in_advance'])])} |"


def test_the_table_of_accountants_is_the_benchmarks():
    wanted = [setting_line(row) for row in measured()["rows"]]
    assert len(wanted) == 12
    page = ACCOUNTING.read_text()
    assert [line for line in wanted if line not in page] == []


def test_the_table_of_shares_is_the_benchmarks():
    page = KEEPING.read_text()
    assert [line for line in map(share_line, measured()["shares"]) if line not in page] == []


@pytest.mark.parametrize("row", measured()["rows"], ids=lambda row: row["what"])
def test_the_benchmarks_figures_are_those_of_this_version(row):
    spent, delta = row["epsilon"], row["delta"]
    found = epsilon_spent([sampled_gaussian(row["q"], row["noise_multiplier"], row["steps"])], delta)
    assert found == pytest.approx(spent["pld"], rel=1e-9)
    assert spent["optimistic_pld"] <= found <= min(spent["renyi"], spent["filter"] * (1 + 1e-9))
    assert found <= 1.01 * spent["optimistic_pld"]
    assert spent["prv"] == pytest.approx(found, rel=0.005)
    assert row["several_runs"]["pld"] <= row["several_runs"]["filter"]


def test_the_benchmark_still_measures_these_settings():
    settings = runpy.run_path(str(ROOT / "tests" / "benchmarks" / "accountants.py"))["SETTINGS"]
    assert [(s.what, s.patients, s.q, s.steps, s.the_delta) for s in settings] == [
        tuple(row[key] for key in ("what", "patients", "q", "steps", "delta")) for row in measured()["rows"]
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_test_that_a_page_names_is_there(page):
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page.read_text())
    for path, test in named:
        assert (ROOT / path).is_file(), path
        assert not test or f"def {test}(" in (ROOT / path).read_text(), f"{path}::{test}"
    assert named or page.parent.name == "how-to"


def snippet():
    (block,) = re.findall(r"```py\n(.*?)```", ACCOUNTING.read_text(), flags=re.DOTALL)
    return block


def recompute(path):
    """What the page's program prints, run as an outsider would: no medsyngen in reach."""
    alone = "import sys; sys.modules['medsyngen'] = None\n" + snippet()
    return subprocess.run([sys.executable, "-c", alone, str(path)], capture_output=True, text=True, env={**os.environ})


@pytest.fixture
def ledger(tmp_path):
    """Two charged runs, one given up before its first charge, and a look."""
    with Ledger.create(
        tmp_path / "ledger.jsonl", budget=Budget(8.0, DELTA), patients_at_most=500, reason=None, approved_by="x"
    ) as books:
        books.look("a look")
        runs = {"void": (0.9, 3), "one": (0.1, 6), "two": (0.2, 4)}
        for name, (q, count) in runs.items():
            account = books.begin(name, recipe_sha256="0" * 64, plan=sampled_gaussian(q, 2.5, count), seeded=False)
            if name == "void":
                books.close_run(name, "given up")
                continue
            for first in range(0, count, 2):
                account.charge(sampled_gaussian(q, 2.5, 2), purpose="training", block=(first, first + 2))
        return books.path


def test_an_outsider_recomputes_a_ledger(ledger):
    done = recompute(ledger)
    assert done.returncode == 0, done.stderr
    one, two, total, renyi = (float(found) for found in re.findall(r"ε = ([\d.]+)\n", done.stdout))
    with Ledger.open(ledger, read_only=True) as books:
        for found, run in ((one, "one"), (two, "two")):
            assert found == pytest.approx(epsilon_spent(books.events(run), DELTA), rel=1e-3)
        assert total == pytest.approx(books.total().in_advance, rel=1e-3)
        assert renyi == pytest.approx(books.total().by_filter, rel=1e-6)
        assert f"Rényi filter of order {books.total().order}:" in done.stdout
    assert "looks: 1" in done.stdout


@pytest.mark.parametrize("change", ["a number", "a number, its hash mended", "a line taken out", "an unknown event"])
def test_an_outsider_notices(ledger, change):
    lines = [json.loads(row) for row in ledger.read_text().splitlines()]
    charge = next(line for line in lines if line["kind"] == "charge")
    if change.startswith("a number"):
        charge["event"]["count"] = 1
    elif change == "an unknown event":
        charge["event"]["type"] = "free"
    else:
        lines.remove(charge)
    if change == "a number, its hash mended":
        charge["hash"] = line_hash(charge)
    if change == "an unknown event":
        for number, line in enumerate(lines):
            line["previous"] = lines[number - 1]["hash"] if number else "0" * 64
            line["hash"] = line_hash(line)
    ledger.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))
    done = recompute(ledger)
    assert done.returncode == 1
    assert ("KeyError: 'free'" if change == "an unknown event" else "AssertionError: line") in done.stderr


@pytest.mark.slow
def test_an_outsider_recomputes_a_real_report(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path / "cache"))
    simulate_hospital(tmp_path / "SCANS", patients=20, size=16, seed=5)
    recipe = load_recipe("smoke-16", patients_at_most=30)
    run_recipe(recipe, scans=tmp_path / "SCANS", run=tmp_path / "RUN", own_ledger="a test")
    report = json.loads((tmp_path / "RUN" / "report.json").read_text())
    done = recompute(tmp_path / "RUN" / "report.json")
    assert done.returncode == 0, done.stderr
    found = re.search(rf"run {report['ledger']['run']}: ε = ([\d.]+)", done.stdout)
    assert found
    assert float(found[1]) == pytest.approx(report["guarantee"]["epsilon"], rel=1e-3)
