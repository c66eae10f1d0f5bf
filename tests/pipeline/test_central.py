"""A whole run of central images and stages: fitted, killed between its parts, told as it is; on simulated patients."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from medsyngen.pipeline import export_cohort, run_recipe
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.purposes import SUM, TRAINING
from medsyngen.recipe import load_recipe
from medsyngen.synthesis import central_dp_syngen
from medsyngen.synthesis.central_images import axes

pytestmark = pytest.mark.slow  # whole runs

CLASSES = "classes=[{name: normal, label: '0', share: 0.6}, {name: opacity, label: '1', share: 0.4}]"
SMALL = (
    "scans.size=16",
    "synthesis.central={entries: 4, clipping_norm: 2.0, phantoms: 100, drawn: 40}",
    "synthesis.phantoms={dead_leaves: 1.0}",
    "synthesis.network={channels: [8, 8], attention: [false, true], norm_groups: 4, head_channels: 8}",
    "synthesis.public={steps: 20, batch_size: 8, ema_decay: 0.5}",
    "synthesis.private={steps: 4, patients_per_step: 8, draws_per_scan: 2, micro_batch: 8, block: 2}",
    "synthesis.sampler_steps=6",
    CLASSES,
)
WHOLE = [(SUM, 0, 1), (TRAINING, 0, 2), (TRAINING, 2, 4)]


class Killed(BaseException):
    """As a kill: nothing of the product catches it."""


def recipe(*overrides: str):
    return load_recipe("central-chest-radiograph-32", (*SMALL, *overrides), patients_at_most=20)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDSYNGEN_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def fit(scans, folder, *overrides: str, **more):
    return run_recipe(recipe(*overrides), scans=scans, run=folder, own_ledger="a test", device="cpu", **more)


@pytest.fixture(scope="module")
def run(scans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("central") / "run"
    fit(scans, folder)
    return folder


def charged(run) -> list[tuple[str, int, int]]:
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        return [block for record in ledger.runs.values() for block in record.blocks]


def test_both_parts_are_in_the_ledger_within_the_budget_and_apart(run):
    assert charged(run) == WHOLE
    method = recipe().synthesis
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        (record,) = ledger.runs.values()
        delta = ledger.account.budget.delta
        z = record.charged[-1].event.event.noise_multiplier
        assert record.charged[0].noise_multiplier == method.sum_multiplier(z) == 4.0 * z
        assert record.plan == method.plan(patients_at_most=20, noise_multiplier=z)
        assert record.left() == {}
        assert 0.99 * 8.0 < epsilon_spent(record.charged, delta) <= 8.0


def test_the_generator_comes_back_with_its_shift(run):
    generator, _ = load_generator(RunFolder(run), recipe(), torch.device("cpu"))
    assert generator.shift is not None
    assert generator.shift.by.shape == (2, 4)
    assert generator.context is not None


def test_the_report_tells_both_parts(run):
    report = json.loads((run / "report.json").read_text())
    assert [stage["data"] for stage in report["stages"]] == ["phantoms", "private scans", "phantoms"]
    assert report["queries"][0]["kind"] == "central images"
    html = (run / "report.html").read_text()
    assert "first asked for a mean: 1 noisy sum of 10 numbers a patient" in html
    assert "second part, charged beside it" in html


def test_a_cohort_passes_the_gate(run, tmp_path):
    outcome = export_cohort(run, out=tmp_path / "cohort", count=4)
    assert outcome.guarantee.epsilon <= 8.0
    assert len(list((tmp_path / "cohort" / "dicom").iterdir())) == 4


def test_a_run_killed_after_the_sum_goes_on_without_paying_again(scans, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    usual = central_dp_syngen.sum_privately

    def dies(*args, **more):
        usual(*args, **more)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(central_dp_syngen, "sum_privately", dies)
        with pytest.raises(Killed):
            fit(scans, folder)
    assert charged(folder) == WHOLE[:1]
    assert dict(RunFolder(folder).heads())["the central images"]
    before = (folder / "private" / "central.safetensors").read_bytes()
    fit(scans, folder)
    assert charged(folder) == WHOLE
    assert (folder / "private" / "central.safetensors").read_bytes() == before


def test_without_training_the_sum_has_the_whole_budget(scans, tmp_path):
    fit(scans, tmp_path / "run", "synthesis.public_bands=all")
    assert charged(tmp_path / "run") == WHOLE[:1]
    with Ledger.open(tmp_path / "run" / "ledger.jsonl", read_only=True) as ledger:
        (record,) = ledger.runs.values()
        assert 0.99 * 8.0 < epsilon_spent(record.charged, ledger.account.budget.delta) <= 8.0
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert {stage["data"] for stage in report["stages"]} == {"phantoms"}
    assert report["mechanism"] is None
    html = (tmp_path / "run" / "report.html").read_text()
    assert "No network was trained on private scans. All that was taken from them: 1 noisy sum" in html


def test_drawings_have_the_means_that_were_asked_for():
    """Without noise: what is drawn moves most of the way to made-up means."""
    method = recipe("synthesis.public_bands=all", "synthesis.central.drawn=200").synthesis
    target = recipe().target
    generator = method.stages.fit_on_phantoms(target, device=torch.device("cpu"))
    vector = method.vector(target)
    directions, _ = axes(vector.read)

    def means(found):
        places = (found.draw(200).pixels.reshape(200, -1) - vector.read.centre) @ directions
        cells = vector.cells.deal(200)
        return np.stack([places[cells == c].mean(axis=0) for c in range(2)])

    plain = means(generator)
    asked = plain + np.array([[1.0, 0.5, 0, 0], [-1.0, 0, 0.5, 0]])
    moved = means(method.moved(generator, asked, vector))
    assert np.linalg.norm(moved - asked) < 0.4 * np.linalg.norm(plain - asked)
