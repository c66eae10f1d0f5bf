"""A whole evaluation of a small run: the look is counted first, all stays inside, charged figures are noised."""

from __future__ import annotations

import hashlib
import json
import stat
import sys
from pathlib import Path

import numpy as np
import pytest

from medsyngen.errors import BudgetRefused, InputUnusable, UsageError
from medsyngen.pipeline import evaluate as evaluating
from medsyngen.pipeline import export_cohort, run_recipe, write_report
from medsyngen.pipeline.charged_evaluation import charged_evaluation
from medsyngen.pipeline.evaluate import LOOK, ScansToRead, evaluate_run
from medsyngen.pipeline.ledgers import create_site_ledger
from medsyngen.privacy.ledger import Ledger
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.recipe import load_recipe
from medsyngen.simulation.hospital import simulate_images

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluation"))
from evaluated_pieces import SETTINGS

pytestmark = pytest.mark.slow  # whole runs

SMALL = (
    "scans.size=16",
    "synthesis.retargeting.bank=150",
    "synthesis.retargeting.rounds=2",
    "synthesis.entries=4",
    "synthesis.members=20",
    "classes=[{name: normal, label: '0', share: 0.6}, {name: opacity, label: '1', share: 0.4}]",
)


def write_scans(path: Path, patients: int, seed: int, name: str) -> Path:
    images, labels = simulate_images(patients, 16, np.random.default_rng(seed))
    owners = [f"{name}{i:04d}" for i, scans in enumerate(images) for _ in scans]
    pixels = np.clip((np.concatenate(images)[:, 0] + 1) * 2000, 0, 4095).astype(np.uint16)
    np.savez(path, images=pixels, patient_id=owners, label=np.concatenate(labels).astype(str))
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A finished run of 40 patients, charged to a site's ledger, and 24 others."""
    folder = tmp_path_factory.mktemp("evaluate")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(folder / "cache"))
        write_scans(folder / "scans.npz", 40, 0, "SECRET")
        write_scans(folder / "others.npz", 24, 1, "OTHERS")
        ledger = folder / "site" / "ledger.jsonl"
        create_site_ledger(ledger, epsilon=20, delta=None, patients_at_most=50, approved_by="DPO").close()
        recipe = load_recipe("portrait-32", SMALL, patients_at_most=50)
        run_recipe(recipe, scans=folder / "scans.npz", run=folder / "run", ledger=ledger)
    return folder


def tree(folder: Path) -> dict[str, str]:
    files = (p for p in folder.rglob("*") if p.is_file() and not p.name.endswith(".lock"))
    return {p.relative_to(folder).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def looks(place: Path) -> int:
    with Ledger.open(place / "site" / "ledger.jsonl", read_only=True) as ledger:
        return len(ledger.looks)


def evaluated(place, **changes):
    options = {"holdout": ScansToRead(place / "others.npz"), "count": 60, "settings": SETTINGS, **changes}
    return evaluate_run(place / "run", ScansToRead(place / "scans.npz"), **options)


@pytest.fixture(scope="module")
def outcome(place):
    before = tree(place)
    found = evaluated(place)
    after = tree(place)
    changed = {name for name in after if before.get(name) != after[name]}
    return found, changed, set(before) - set(after)


def test_nothing_is_written_but_inside_and_the_line_in_the_ledger(outcome):
    _, changed, gone = outcome
    inside = {f"run/private/evaluation/{name}" for name in ("evaluation.json", "evaluation.html", "closest-pairs.png")}
    assert changed == inside | {"site/ledger.jsonl"}
    assert gone == set()


def test_only_its_owner_can_read_it_and_it_names_nobody(place, outcome):
    folder = outcome[0].folder
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(folder.parent.stat().st_mode) == 0o700
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert b"SECRET0" not in path.read_bytes()
        assert b"OTHERS0" not in path.read_bytes()


def test_figures_and_page_are_whole(place, outcome):
    found = outcome[0]
    figures = json.loads((found.folder / "evaluation.json").read_text())
    assert figures == found.figures
    assert figures["patients"] == {"scans": 40, "holdout": 24}
    assert figures["copies"]["test"]["p_value"] > 0
    assert figures["utility"][0]["tstr"]["trained_on"] == figures["utility"][0]["trtr"]["trained_on"]
    page = (found.folder / "evaluation.html").read_text()
    assert "<script" not in page
    assert "http:" not in page
    assert "https:" not in page
    for words in ("INSIDE ONLY", "EfficientNet-lite2", "Null: given", "TSTR", "data:image/png;base64,"):
        assert words in page, words
    assert found.notices == ()


def test_the_report_counts_the_look_from_then_on(place, outcome):
    assert looks(place) >= 1
    _, path = write_report(place / "run", ledger=place / "site" / "ledger.jsonl")
    report = json.loads(path.read_text())
    assert report["ledger"]["looks"] == looks(place)
    assert "at private results came before this" in json.dumps(report["sentences"], ensure_ascii=False)


def test_the_look_is_on_disk_before_a_scan_is_read(place, monkeypatch):
    before = looks(place)

    class Killed(BaseException):
        """As a kill."""

    def dies(*_, **__):
        assert looks(place) == before + 1
        raise Killed

    monkeypatch.setattr(evaluating, "read_cohort", dies)
    with pytest.raises(Killed):
        evaluated(place)
    with Ledger.open(place / "site" / "ledger.jsonl", read_only=True) as ledger:
        assert ledger.looks[-1] == LOOK


def test_what_can_be_refused_without_a_scan_costs_no_look(place, monkeypatch):
    before = looks(place)
    with pytest.raises(InputUnusable, match="--holdout is not there"):
        evaluated(place, holdout=ScansToRead(place / "nowhere"))
    with pytest.raises(InputUnusable, match="no cohort of medsyngen"):
        evaluated(place, cohort=place / "site")
    monkeypatch.setattr("medsyngen.evaluation.features.find_spec", lambda name: None)
    with pytest.raises(UsageError, match="extra 'metrics' is not installed") as refused:
        evaluated(place, settings=None)
    assert "medsyngen[metrics]" in refused.value.do
    assert looks(place) == before


def test_scans_that_are_not_those_of_the_run_are_noticed(place, tmp_path):
    found = evaluated(place, holdout=None, cohort=exported(place, tmp_path))
    assert found.notices == ()
    assert found.figures["evaluated"] == {"source": "cohort", "images": 50}
    assert found.figures["test_patients"]["from"] == "split"
    write_scans(tmp_path / "more.npz", 45, 0, "SECRET")
    found = evaluate_run(place / "run", ScansToRead(tmp_path / "more.npz"), count=60, settings=SETTINGS)
    assert any("not as many patients" in notice for notice in found.notices)


def exported(place: Path, folder: Path) -> Path:
    ledger = place / "site" / "ledger.jsonl"
    export_cohort(place / "run", out=folder / "cohort", count=50, formats=("png",), ledger=ledger)
    return folder / "cohort"


def bought(place, asked=("recall", "labels", "accuracy"), epsilon=4.0, scans="scans.npz", **changes):
    options = {"asked": asked, "epsilon": epsilon, "count": 60, "settings": SETTINGS, **changes}
    return charged_evaluation(place / "run", ScansToRead(place / scans), **options)


def test_a_charged_evaluation_is_one_event_and_no_look(place):
    before = looks(place), tree(place)
    found = bought(place)
    assert looks(place) == before[0]
    changed = {name for name, digest in tree(place).items() if before[1].get(name) != digest}
    name = found.figures["run"]
    assert changed == {
        "site/ledger.jsonl",
        "site/ledger.jsonl.patients",
        f"run/private/evaluation/charged-{name}.json",
        f"run/private/evaluation/charged-{name}.safetensors",
    }
    with Ledger.open(place / "site" / "ledger.jsonl", read_only=True) as ledger:
        (event,) = ledger.events(name)
    assert event.noise_multiplier == found.figures["noise_multiplier"]
    assert found.figures["clipping_norm"] == pytest.approx(8**0.5)  # patients, recall, 2 labels, 2 x 2 of accuracy
    assert 3.9 < found.guarantee.epsilon <= 4.0
    assert not found.seeded
    figures = found.figures["figures"]
    assert set(figures) == {"patients", "recall", "share of normal", "share of opacity", *ACCURACIES}
    assert figures["patients"]["value"] != 40
    assert abs(figures["patients"]["value"] - 40) < 6 * figures["patients"]["noise"]
    write_report(place / "run", ledger=place / "site" / "ledger.jsonl")  # it still tells the truth of its own run


ACCURACIES = ("accuracy on normal", "accuracy on opacity")


def test_the_budget_and_the_number_of_patients_are_kept(place, tmp_path):
    before = tree(place)
    with pytest.raises(BudgetRefused, match="does not fit the privacy budget"):
        bought(place, epsilon=60.0)
    with pytest.raises(UsageError, match="between 0 and 1000"):
        bought(place, epsilon=0.0)
    with pytest.raises(UsageError, match="sensitivity is proved"):
        bought(place, asked=("fd",))
    write_scans(tmp_path / "many.npz", 51, 0, "SECRET")
    with pytest.raises(InputUnusable, match="more patients than patients_at_most"):
        bought(place, scans=tmp_path / "many.npz", epsilon=0.1)
    with pytest.raises(BudgetRefused, match="seeded draws"):
        bought(place, epsilon=0.1, keys=seeded_generator_for_tests(0))
    after = tree(place)
    assert {n for n in after if after[n] != before.get(n)} <= {"site/ledger.jsonl.patients"}


def test_a_run_that_read_no_scan_is_evaluated_beside_one_that_did(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path / "cache"))
    recipe = load_recipe("smoke-16", ["synthesis.public_bands=all", "synthesis.public.steps=1"])
    run_recipe(recipe, scans=None, run=tmp_path / "run")
    with pytest.raises(UsageError, match="read no scan") as refused:
        evaluate_run(tmp_path / "run", ScansToRead(tmp_path), settings=SETTINGS)
    assert "--cohort" in refused.value.do
    assert not (tmp_path / "run" / "private" / "evaluation").exists()
