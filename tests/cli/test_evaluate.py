"""``medsyngen evaluate``: a short table marked inside only, the look told, no word of a patient on the terminal."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from medsyngen.privacy.ledger import Ledger
from medsyngen.simulation.hospital import simulate_hospital

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "evaluation"))
from evaluated_pieces import SETTINGS

SMALL = ("scans.size=16", "synthesis.retargeting.bank=150", "synthesis.retargeting.rounds=2", "synthesis.entries=4")
CLASSES = "classes=[{name: normal, label: '0', share: 0.6}, {name: opacity, label: '1', share: 0.4}]"


@pytest.fixture
def run(cli, clean_hospital, tmp_path, monkeypatch):
    """A finished run, charged to the site; quick features and classifiers."""
    monkeypatch.setattr("medsyngen.pipeline.evaluate.EvaluationSettings", lambda: SETTINGS)
    monkeypatch.setattr("medsyngen.pipeline.charged_evaluation.EvaluationSettings", lambda: SETTINGS)
    cli("ledger", "create", "--epsilon", 20, "--patients-at-most", 50, "--approved-by", "DPO")
    sets = [word for each in (*SMALL, CLASSES, "synthesis.members=20") for word in ("--set", each)]
    fit = ("fit", "portrait-32", "--patients-at-most", 50, "--scans", clean_hospital, "--run", tmp_path / "run")
    done = cli(*fit, *sets)
    assert done.code == 0, done.err
    return tmp_path / "run"


@pytest.mark.slow
def test_people_read_a_short_table_and_no_name(cli, run, clean_hospital, private_words, site, tmp_path):
    simulate_hospital(tmp_path / "others", patients=30, size=16, seed=9)
    done = cli("evaluate", run, "--scans", clean_hospital, "--count", 60, "--holdout", tmp_path / "others")
    assert done.code == 3  # the same simulated IDs: they count as the same patients
    assert "30 patients are in --scans and in --holdout" in done.err
    rename(tmp_path / "others")
    done = cli("evaluate", run, "--scans", clean_hospital, "--count", 60, "--holdout", tmp_path / "others")
    assert done.code == 0, done.err
    assert done.out.startswith("INSIDE ONLY")
    for words in (
        "KID x 1000 to test patients",
        "AUC, mean of all classifiers",
        "Null: given the synthetic images, training and hold-out patients are exchangeable",
        "Power:",
        "This look is number 2 on the ledger.",
        "EfficientNet-lite2",
    ):
        assert words in done.text, words
    assert len(done.out.splitlines()) < 50
    assert [word for word in private_words if word in done.text] == []
    machine = cli("evaluate", run, "--scans", clean_hospital, "--count", 60, "--json")
    assert machine.code == 0, machine.err
    assert machine.json["notice"].startswith("INSIDE ONLY")
    assert [word for word in private_words if word in machine.text] == []
    with Ledger.open(site, read_only=True) as ledger:
        assert len(ledger.looks) == 3


def rename(folder):
    """Gives every patient of a simulated hospital another ID."""
    import pydicom

    for path in folder.rglob("*.dcm"):
        header = pydicom.dcmread(path)
        header.PatientID = header.PatientID.replace("SIM", "NEW")
        header.save_as(path)
    table = folder / "labels.csv"
    table.write_text(table.read_text().replace("SIM-0", "NEW-0").replace(",NEW-", ",SIM-"))


@pytest.mark.slow
def test_charged_figures_are_shown_and_nothing_exact(cli, run, clean_hospital, site, private_words):
    bought = ("evaluate", run, "--scans", clean_hospital, "--count", 60, "--charge", "recall,accuracy", "--epsilon", 2)
    done = cli(*bought)
    assert done.code == 0, done.err
    assert "recall" in done.out
    assert "accuracy on opacity" in done.out
    assert "charged to the ledger: ε = 2 at δ" in done.text
    assert "40 patients" not in done.out
    assert [word for word in private_words if word in done.text] == []
    with Ledger.open(site, read_only=True) as ledger:
        assert ledger.looks == ()
        assert len(ledger.runs) == 2


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--charge", "fd,kid,auc", "--epsilon", "1"), "matrix root"),
        (("--charge", "recall"), "need each other"),
        (("--epsilon", "1"), "need each other"),
        (("--charge", "recall", "--epsilon", "1", "--holdout", "."), "hold-out patients are patients, too"),
        (("--holdout-labels", "x.csv"), "say something of --holdout"),
        ((), "is not a run folder"),
    ],
)
def test_what_can_t_be_is_refused_before_anything_is_read(cli, tmp_path, words, told):
    done = cli("evaluate", tmp_path / "run", "--scans", tmp_path / "nowhere", *words)
    assert done.code == 2
    assert told in done.text
