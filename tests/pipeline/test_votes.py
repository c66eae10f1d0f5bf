"""A whole run by votes: fitted, killed and gone on with, told as it is, drawn from; on a small simulated hospital."""

from __future__ import annotations

import json

import pytest
import torch

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.pipeline import export_cohort, generator_file, run_recipe
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.purposes import PROPORTIONS, VOTES
from medsyngen.privacy.query_checkpoint import QueryCheckpoint
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.evolution import Evolution
from medsyngen.synthesis.generator import read_tensors

CLASSES = "classes=[{name: normal, label: '0', share: 0.6}, {name: opacity, label: '1', share: 0.4}]"
SMALL = (
    "scans.size=16",
    "synthesis.iterations=3",
    "synthesis.degrees=[0.5, 0.3, 0.1]",
    "synthesis.members=12",
    "synthesis.source.phantom=dead_leaves",
    CLASSES,
)
TRAINING = ("DP-SGD", "gradient", "clipped to", "band", "noise level", "sampling rate", "Denominator", "q · N_max")
"""Words about private training, which there was none of."""


def recipe(*overrides: str):
    return load_recipe("private-evolution-32", (*SMALL, *overrides), patients_at_most=20)


@pytest.fixture(scope="module")
def run(scans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("votes") / "run"
    run_recipe(recipe(), scans=scans, run=folder, own_ledger="a test")
    return folder


def charged(run) -> list[tuple[str, int, int]]:
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        return [block for record in ledger.runs.values() for block in record.blocks]


def test_every_round_is_in_the_ledger_and_the_population_in_the_file(run):
    assert [(first, last) for _, first, last in charged(run)] == [(0, 1), (1, 2), (2, 3)]
    tensors, facts = read_tensors(run / "generator.safetensors")
    assert set(tensors) == {"pixels", "classes", "places"}
    assert torch.bincount(tensors["classes"]).tolist() == [7, 5]
    assert (facts["kind"], facts["seeded"], facts["private"]) == ("population", False, True)


def test_the_report_says_what_was_asked_and_nothing_of_training(run):
    report = json.loads((run / "report.json").read_text())
    assert (report["mechanism"], report["stages"]) == (None, [])
    (query,) = report["queries"]
    assert (query["kind"], query["planned"], query["members"]) == ("votes", 3, 12)
    assert "dead_leaves" in query["source"]
    told = " ".join(report["sentences"]["queries"])
    assert "3 noisy histograms of votes, one a round, each over a population of 12 synthetic images" in told
    details = {item["term"]: item["text"] for item in report["sentences"]["details"]}
    assert details["Rounds charged"] == "T = 3 (3 planned)"
    assert "over all scans and classes together" in details["Votes"]
    page = (run / "report.html").read_text()
    assert told[:60] in page
    words = json.dumps(report["sentences"], ensure_ascii=False) + page[page.index("<body>") :]
    for said in ("Edges of the noise bands", "no network is trained in bands of noise"):  # a field that says: none
        words = words.replace(said, "")
    assert [word for word in TRAINING if word in words] == []


def test_a_cohort_is_published_with_its_classes(run, tmp_path):
    outcome = export_cohort(run, out=tmp_path / "cohort", count=10, formats=("dicom", "png"), device="cpu")
    assert outcome.count == 10
    report = json.loads((tmp_path / "cohort" / "privacy_report.json").read_text())
    assert report["release"]["classes"] == {"normal": 6, "opacity": 4}
    manifest = json.loads((tmp_path / "cohort" / "manifest.json").read_text())
    assert len(manifest["files"]) >= 20


def test_bought_proportions_are_charged_told_and_drawn_in(scans, tmp_path):
    folder = tmp_path / "run"
    bought = ("synthesis.proportions=bought", "synthesis.proportions_noise=0.01", "privacy.epsilon=900")
    run_recipe(recipe(*bought), scans=scans, run=folder, own_ledger="a test")
    assert [purpose for purpose, *_ in charged(folder)] == [PROPORTIONS, VOTES, VOTES, VOTES]
    tensors, _ = read_tensors(folder / "generator.safetensors")
    shares = tensors["shares"].tolist()
    assert sum(shares) == pytest.approx(1)
    assert shares != pytest.approx([0.6, 0.4], abs=1e-3)
    report = json.loads((folder / "report.json").read_text())
    assert [query["kind"] for query in report["queries"]] == ["shares", "votes"]
    told = " ".join(report["sentences"]["queries"])
    assert "Class proportions were bought of the patients: 1 noisy sum of 2 numbers each" in told
    assert "taken from them: the noisy sum of class proportions, and 3 noisy histograms" in told
    details = {item["term"]: item["text"] for item in report["sentences"]["details"]}
    assert details["Rounds charged"] == "T = 3 (3 planned)"
    assert "of length at most 1" in details["Class proportions"]
    assert "and their shares" not in json.dumps(report["sentences"])  # they are no public choice
    assert dict(RunFolder(folder).heads())["the class proportions"][0] == 2
    export_cohort(folder, out=tmp_path / "cohort", count=20, formats=("png",), device="cpu")
    found = json.loads((tmp_path / "cohort" / "privacy_report.json").read_text())["release"]["classes"]
    assert found["normal"] == pytest.approx(20 * shares[0], abs=1)


@pytest.mark.parametrize("fatal", [0, 2])
def test_a_run_killed_in_a_round_goes_on_and_is_charged_once(scans, tmp_path, monkeypatch, fatal):
    """The round of the kill is charged and lost; the others are what they are."""

    class Killed(BaseException):
        """As a kill."""

    usual, rounds = Evolution.ballots, iter(range(9))

    def dies(self, candidates):
        if next(rounds) == fatal:
            raise Killed
        return usual(self, candidates)

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(Evolution, "ballots", dies)
        with pytest.raises(Killed):
            run_recipe(recipe(), scans=scans, run=folder, own_ledger="a test")
    assert len(charged(folder)) == fatal + 1
    assert not (folder / "generator.safetensors").exists()
    run_recipe(recipe(), scans=scans, run=folder, own_ledger="a test")
    assert [(first, last) for _, first, last in charged(folder)] == [(0, 1), (1, 2), (2, 3)]
    saved = QueryCheckpoint.load(folder / "private" / "checkpoint.safetensors")
    assert saved.round == (2 if fatal == 0 else 1)
    assert (folder / "report.html").exists()


def test_a_seeded_run_is_marked(scans, tmp_path):
    folder = tmp_path / "run"
    run_recipe(recipe(), scans=scans, run=folder, own_ledger="a test", keys=seeded_generator_for_tests(1))
    assert read_tensors(folder / "generator.safetensors")[1]["seeded"] is True
    assert json.loads((folder / "report.json").read_text())["status"]["seeded"] is True


def test_a_lost_ledger_line_is_noticed_by_the_checkpoint(run, tmp_path):
    import shutil

    folder = tmp_path / "run"
    shutil.copytree(run, folder)
    head = dict(RunFolder(folder).heads())["the checkpoint"]
    assert head[0] == 4
    (folder / "private" / "checkpoint.safetensors").write_bytes(b"nonsense")
    with pytest.raises(VerificationFailed, match="not a checkpoint"):
        RunFolder(folder).heads()


def test_another_methods_recipe_is_refused(run):
    with pytest.raises(VerificationFailed, match="does not belong"):
        generator_file.load_generator(RunFolder(run), load_recipe("smoke-16", ("scans.size=16",)), torch.device("cpu"))


def test_what_can_not_be_is_told_with_the_word_that_was_meant():
    for change, word in (("synthesis.source.fantom=x", "phantom"), ("synthesis.memberz=3", "members")):
        with pytest.raises(UsageError) as error:
            recipe(change)
        assert word in " ".join([str(error.value), error.value.do, *error.value.details])
