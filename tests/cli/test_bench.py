"""``medsyngen bench score``: anybody's images become one row; the private set is named as a look."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from medsyngen.cli import bench
from medsyngen.errors import InputUnusable, UsageError, VerificationFailed
from medsyngen.evaluation import benchmark, tasks, utility
from medsyngen.evaluation.claims import check_claim
from medsyngen.evaluation.classifiers import CLASSIFIERS
from medsyngen.formats.png import write_png

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluation"))
import bench_pieces

QUICK = tuple(replace(each, steps=20) for each in CLASSIFIERS)
EVENT = {
    "type": "self_composed",
    "count": 10,
    "event": {
        "type": "poisson_sampled",
        "sampling_probability": 0.1,
        "event": {"type": "gaussian", "noise_multiplier": 2.0},
    },
}


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    return bench_pieces.write_set(tmp_path_factory.mktemp("set") / "set.npz")


@pytest.fixture
def run(monkeypatch, tmp_path, private):
    """Scores with quick features and classifiers."""
    monkeypatch.setenv("COLUMNS", "140")
    small = bench_pieces.task()
    monkeypatch.setattr(tasks, "TASKS", MappingProxyType({"small": small, **tasks.TASKS}))
    monkeypatch.setattr(benchmark, "lite2_features", lambda pixels, **_: bench_pieces.cheap_features(pixels))
    monkeypatch.setattr(benchmark, "lite0_features", lambda pixels, **_: bench_pieces.cheap_features(pixels))
    monkeypatch.setitem(utility.train_and_test.__kwdefaults__, "classifiers", QUICK)
    return runner()


def runner():
    app = typer.Typer()
    app.add_typer(bench.app, name="bench")
    return lambda *arguments: CliRunner().invoke(app, ["bench", "score", *[str(each) for each in arguments]])


@pytest.fixture
def folder(tmp_path):
    """40 images of other simulated patients, as PNG files by class."""
    images = bench_pieces.simulated(30, 9)
    for c, name in enumerate(("normal", "opacity")):
        (tmp_path / "ours" / name).mkdir(parents=True)
        for number, pixels in enumerate(images.pixels[images.classes == c][:20]):
            write_png(tmp_path / "ours" / name / f"{number}.png", pixels)
    return tmp_path / "ours"


def test_people_read_the_look_the_claim_and_every_figure_beside_its_floor(run, folder, private, tmp_path):
    done = run(folder, "--task", "small", "--private-npz", private, "--epsilon", 3, "--out", tmp_path / "row.json")
    assert done.exit_code == 0, done.exception
    text = " ".join(done.stdout.split())
    for words in (
        "This reads private scans of small: a look.",
        "stays inside, unless the set is public",
        "ours on small, protocol 1: 20 normal, 20 opacity",
        "claimed: ε = 3 at δ = 0.002 per patient; claimed, not checked",
        "real: the floor, or TRTR",
        "KID to test patients",
        "precision",
        "MS-SSIM within a class",
        "AUC, small CNN",
        "FD is left out: FD of",
        "95 % intervals over patients",
    ):
        assert words in text, words
    row = json.loads((tmp_path / "row.json").read_text())
    assert row["kind"] == "medsyngen benchmark row"
    assert "P0" not in done.stdout + (tmp_path / "row.json").read_text().replace("SIM", "")


def test_machines_read_the_row_and_events_are_recomputed(run, folder, private, tmp_path):
    (tmp_path / "events.json").write_text(json.dumps({"unit": "patient", "events": [EVENT]}))
    done = run(
        folder,
        *("--task", "small", "--private-npz", private, "--epsilon", 3, "--name", "Our method"),
        *("--events", tmp_path / "events.json", "--json"),
    )
    assert done.exit_code == 0, done.exception
    row = json.loads(done.stdout)
    assert row["name"] == "Our method"
    assert row["privacy"]["status"] == "recomputed from events"
    assert 0 < row["privacy"]["epsilon_of_events"] < 3
    assert "a look" in done.stderr


def test_a_ceiling_says_that_it_is_not_private():
    ceiling = check_claim(math.inf, None, delta=1e-3, unit="patient")
    assert bench._privacy_line(ceiling.to_json()).startswith("NOT PRIVATE: no ε is claimed")


def test_a_claim_below_its_events_is_refused_before_a_scan_is_read(run, folder, tmp_path):
    (tmp_path / "events.json").write_text(json.dumps({"unit": "patient", "events": [EVENT]}))
    done = run(
        folder,
        *("--task", "small", "--private-npz", tmp_path / "absent.npz"),
        *("--epsilon", 0.01, "--events", tmp_path / "events.json"),
    )
    assert isinstance(done.exception, VerificationFailed)
    assert "more than the claimed 0.01" in done.exception.what


def test_a_report_that_was_changed_is_refused(run, folder, private, tmp_path):
    (tmp_path / "report.json").write_text(json.dumps({"kind": "medsyngen privacy report", "ledger": {}}))
    done = run(
        folder,
        *("--task", "small", "--private-npz", private, "--epsilon", 3, "--events", tmp_path / "report.json"),
    )
    assert isinstance(done.exception, VerificationFailed)
    assert "schema" in done.exception.what


@pytest.mark.parametrize(
    ("arguments", "kind", "words"),
    [
        (["--task", "cxr", "--epsilon", 3], UsageError, "no task is called 'cxr'"),
        (["--task", "small", "--epsilon", 3], UsageError, "--private-npz FILE"),
        (["--task", "cxr-nih", "--epsilon", 3, "--private-npz", "x.npz"], UsageError, "--private FOLDER"),
        (["--task", "small", "--epsilon", 3, "--private-npz", "x", "--private", "y"], UsageError, "nothing else"),
        (["--task", "small", "--epsilon", -1, "--private-npz", "x"], UsageError, "at least 0"),
        (["--task", "small", "--epsilon", 3, "--private-npz", "x", "--out", "."], UsageError, "--out"),
        (["--task", "small", "--epsilon", 3, "--private-npz", "absent.npz"], InputUnusable, "SCANS is not there"),
    ],
)
def test_what_cannot_be_scored_is_refused(run, folder, arguments, kind, words):
    done = run(folder, *arguments)
    assert isinstance(done.exception, kind), done.exception
    assert words in done.exception.what + done.exception.do


@pytest.mark.slow
@pytest.mark.realdata
def test_sixty_phantoms_on_the_real_set(real_data, tmp_path, monkeypatch):
    """A mechanical use: that the command runs on the published set. No picture and no distance is looked at."""
    monkeypatch.setitem(utility.train_and_test.__kwdefaults__, "classifiers", QUICK)  # how well is not the point
    few = replace(tasks.TASKS["cxr-kermany"], images=60)  # of each half too: features of 2,000 take a minute
    monkeypatch.setattr(tasks, "TASKS", MappingProxyType({"cxr-kermany": few}))
    from medsyngen.phantoms.catalogue import phantom
    from medsyngen.phantoms.source import draw_phantoms

    pixels = draw_phantoms(phantom("chest_radiograph"), 60, 28, np.random.default_rng(0))
    np.savez(tmp_path / "phantoms.npz", images=pixels.reshape(60, 28, 28), label=(np.arange(60) % 4 > 0).astype(int))
    done = runner()(
        tmp_path / "phantoms.npz",
        *("--task", "cxr-kermany", "--private-npz", real_data / "kermany_cxr64" / "kermany_cxr64.npz"),
        *("--epsilon", 0, "--out", tmp_path / "row.json", "--json"),
    )
    assert done.exit_code == 0, done.exception
    row = json.loads((tmp_path / "row.json").read_text())
    assert row["images"]["scored"] == {"normal": 15, "pneumonia": 45}
    assert row["real_images"]["test"] == {"normal": 234, "pneumonia": 70}
    assert 0 < row["utility"]["trtr"]["auc"]["value"] <= 1
