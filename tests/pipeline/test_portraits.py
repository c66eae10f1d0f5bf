"""A whole run of a portrait: fitted, gone on with, told as it is, drawn from; on a small simulated hospital."""

from __future__ import annotations

import json

import pytest

from medsyngen.pipeline import export_cohort, run_recipe
from medsyngen.privacy.ledger import Ledger
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.generator import read_tensors
from medsyngen.synthesis.portrait import Portrait

SMALL = (
    "scans.size=16",
    "synthesis.retargeting.bank=150",
    "synthesis.retargeting.rounds=2",
    "synthesis.entries=4",
    "synthesis.members=20",
    "classes=[{name: normal, label: '0', share: 0.6}, {name: opacity, label: '1', share: 0.4}]",
)
OTHERS = (
    "DP-SGD",
    "gradient",
    "vote",
    "noise band",
    "noise level",
    "sampling rate",
    "q · N_max",
    "a round",
    "features",
)
"""Words about training and votes, which there were none of."""


def recipe():
    return load_recipe("portrait-32", SMALL, patients_at_most=20)


@pytest.fixture(scope="module")
def run(scans, tmp_path_factory):
    """Killed after its sum; then gone on with."""

    class Killed(BaseException):
        """As a kill."""

    def dies(*_, **__):
        raise Killed

    folder = tmp_path_factory.mktemp("portraits") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Portrait, "rendered", dies)
        with pytest.raises(Killed):
            run_recipe(recipe(), scans=scans, run=folder, own_ledger="a test")
    assert charged(folder) == [(0, 1)]
    run_recipe(recipe(), scans=scans, run=folder, own_ledger="a test")
    return folder


def charged(run) -> list[tuple[int, int]]:
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        return [(first, last) for record in ledger.runs.values() for _, first, last in record.blocks]


def test_one_sum_is_in_the_ledger_and_a_population_in_the_file(run):
    assert charged(run) == [(0, 1)]
    tensors, facts = read_tensors(run / "generator.safetensors")
    assert len(tensors["pixels"]) == 20
    assert (facts["kind"], facts["seeded"], facts["private"]) == ("population", False, True)


def test_the_report_says_what_was_asked_and_nothing_of_training_or_votes(run):
    report = json.loads((run / "report.json").read_text())
    assert (report["mechanism"], report["stages"]) == (None, [])
    (query,) = report["queries"]
    assert (query["kind"], query["planned"], query["entries"], query["classes"]) == ("sum", 1, 10, 2)
    told = " ".join(report["sentences"]["queries"])
    assert "1 noisy sum of 10 numbers a patient" in told
    assert "for each of 2 classes" in told
    assert "how often each grey occurs" in told
    details = {item["term"]: item["text"] for item in report["sentences"]["details"]}
    assert details["Sums charged"] == "1 (1 planned)"
    assert "over all scans and classes together" in details["Sum"]
    assert "longer than C = 1.2" in details["Sum"]
    words = json.dumps(report["sentences"], ensure_ascii=False).replace("background", "")
    assert [word for word in OTHERS if word in words] == []
    assert told[:60] in (run / "report.html").read_text()


def test_a_cohort_is_published_with_its_classes(run, tmp_path):
    assert export_cohort(run, out=tmp_path / "cohort", count=10, formats=("png",), device="cpu").count == 10
    report = json.loads((tmp_path / "cohort" / "privacy_report.json").read_text())
    assert report["release"]["classes"] == {"normal": 6, "opacity": 4}
