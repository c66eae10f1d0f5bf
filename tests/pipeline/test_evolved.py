"""A whole run of votes and stages together: fitted, killed between its parts, told as it is; on simulated patients."""

from __future__ import annotations

import dataclasses
import json
import shutil

import pytest
import torch

from medsyngen.errors import VerificationFailed
from medsyngen.pipeline import export_cohort, run_recipe
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.checkpoint import Checkpoint
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.purposes import TRAINING, VOTES
from medsyngen.privacy.query_checkpoint import QueryCheckpoint
from medsyngen.randomness import seeded_generator_for_tests
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.evolution import Evolution
from medsyngen.synthesis.evolved_file import Evolved
from medsyngen.synthesis.evolved_training import EvolvedTraining
from medsyngen.synthesis.generator import experts_of, read_tensors

pytestmark = pytest.mark.slow  # whole runs

CLASSES = "classes=[{name: normal, label: '0', share: 0.6}, {name: opacity, label: '1', share: 0.4}]"
SMALL = (
    "scans.size=16",
    "synthesis.evolution.iterations=2",
    "synthesis.evolution.degrees=[0.3, 0.1]",
    "synthesis.evolution.members=12",
    "synthesis.evolution.source.phantom=dead_leaves",
    "synthesis.phantoms={dead_leaves: 1.0}",
    "synthesis.network={channels: [8, 8], attention: [false, true], norm_groups: 4, head_channels: 8}",
    "synthesis.public={steps: 20, batch_size: 8, ema_decay: 0.5}",
    "synthesis.evolved={steps: 6, batch_size: 8, ema_decay: 0.5}",
    "synthesis.private={steps: 4, patients_per_step: 8, draws_per_scan: 2, micro_batch: 8, block: 2}",
    "synthesis.sampler_steps=3",
    CLASSES,
)
WHOLE = [(VOTES, 0, 1), (VOTES, 1, 2), (TRAINING, 0, 2), (TRAINING, 2, 4)]


class Killed(BaseException):
    """As a kill: nothing of the product catches it."""


def recipe(*overrides: str):
    return load_recipe("evolved-chest-radiograph-32", (*SMALL, *overrides), patients_at_most=20)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("MEDSYNGEN_CACHE", str(folder))
        yield folder


def fit(scans, folder, *overrides: str, **more):
    return run_recipe(recipe(*overrides), scans=scans, run=folder, own_ledger="a test", device="cpu", **more)


@pytest.fixture(scope="module")
def run(scans, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evolved") / "run"
    fit(scans, folder)
    return folder


def charged(run) -> list[tuple[str, int, int]]:
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        return [block for record in ledger.runs.values() for block in record.blocks]


def dies_at(patch, owner, name: str, nth: int, *, after: bool = False) -> None:
    """Dies at the n-th call, before it or after it."""
    usual, calls = getattr(owner, name), iter(range(999))

    def dies(*args, **more):
        number = next(calls)
        if number == nth and not after:
            raise Killed
        result = usual(*args, **more)
        if number == nth:
            raise Killed
        return result

    patch.setattr(owner, name, dies)


def test_both_parts_are_in_the_ledger_within_the_budget_and_apart(run):
    assert charged(run) == WHOLE
    method = recipe().synthesis
    with Ledger.open(run / "ledger.jsonl", read_only=True) as ledger:
        (record,) = ledger.runs.values()
        delta = ledger.account.budget.delta
        z = record.charged[-1].event.event.noise_multiplier
        assert record.plan == method.plan(patients_at_most=20, noise_multiplier=z)
        assert record.left() == {}
        assert 0.99 * 8.0 < epsilon_spent(record.charged, delta) <= 8.0


def test_the_generator_knows_classes_in_every_band(run):
    tensors, facts = read_tensors(run / "generator.safetensors")
    public, context = experts_of(tensors)
    assert "kind" not in facts  # staged, as any
    assert len(public["class_embedding.weight"]) == len(context["class_embedding.weight"]) == 3
    generator, _ = load_generator(RunFolder(run), recipe(), torch.device("cpu"))
    assert generator.facts.public_classes
    denoise, x = generator.denoiser(), torch.randn((1, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    for sigma in (0.01, 1.0, 40.0):  # cleaning, context, coarse
        one, other = (denoise(sigma * x, torch.tensor([sigma]), torch.tensor([row])) for row in (0, 1))
        assert not torch.equal(one, other)


def test_what_was_trained_stays_in_the_run(run, cache):
    assert len(list((cache / "experts").iterdir())) == 1  # the generic one
    found = Evolved.load(run / "private" / "evolved.safetensors")
    public, _ = experts_of(read_tensors(run / "generator.safetensors")[0])
    assert all(torch.equal(found.expert[name], value) for name, value in public.items())
    assert sorted(p.name for p in (run / "private").glob("evolved*")) == ["evolved.safetensors"]
    assert dict(RunFolder(run).heads())["the evolved phantoms"][0] == found.ledger_line


def test_the_report_tells_both_parts(run):
    report = json.loads((run / "report.json").read_text())
    assert [stage["data"] for stage in report["stages"]] == ["evolved phantoms", "private scans", "evolved phantoms"]
    costs = report["sentences"]["stages"]
    assert costs[0].startswith("Paid for by the votes")
    assert costs[1].startswith("Paid for by the charges")
    told = " ".join(report["sentences"]["queries"])
    assert "2 noisy histograms of votes" in told
    assert "No network was trained on private scans" not in told
    details = {item["term"]: item["text"] for item in report["sentences"]["details"]}
    assert details["Rounds charged (votes)"] == "T = 2 (2 planned)"
    assert details["Steps charged (training)"] == "T = 4 (4 planned)"
    assert "q = 0.4" in details["Sampling (training)"]
    sigmas = {details[f"Noise ({part})"].split("σ_DP = ")[1] for part in ("votes", "training")}
    assert len(sigmas) == 1  # votes_noise is 1
    words = json.dumps(report["sentences"], ensure_ascii=False)
    assert "No privacy cost" not in words


def test_a_cohort_is_published(run, tmp_path):
    assert export_cohort(run, out=tmp_path / "cohort", count=5, formats=("png",), device="cpu").count == 5


POINTS = {
    "in the votes, after a charge": (Evolution, "ballots", 1, False),
    "after the votes, before they are kept": (Evolved, "save", 0, False),
    "after the votes were kept": (Evolved, "save", 0, True),
    "after the expert was trained, before it is kept": (EvolvedTraining, "trained", 0, True),
    "after the expert was kept": (Evolved, "save", 1, True),
}


@pytest.mark.parametrize(
    "point", [p if p == "after the votes were kept" else pytest.param(p, marks=pytest.mark.slow) for p in POINTS]
)
def test_a_run_killed_between_its_parts_goes_on_and_charges_once(scans, tmp_path, monkeypatch, point):
    folder, asked = tmp_path / "run", []
    with monkeypatch.context() as patch:
        dies_at(patch, *POINTS[point][:3], after=POINTS[point][3])
        with pytest.raises(Killed):
            fit(scans, folder)
    before = charged(folder)
    assert before == WHOLE[:2]
    kept = QueryCheckpoint.load(folder / "private" / "votes.safetensors")
    usual = Evolution.ballots
    monkeypatch.setattr(Evolution, "ballots", lambda *a: asked.append(1) or usual(*a))
    fit(scans, folder)
    assert asked == []  # votes were had, or forfeited: never asked for again
    assert charged(folder) == WHOLE
    again = QueryCheckpoint.load(folder / "private" / "votes.safetensors")
    assert torch.equal(kept.noised, again.noised)
    assert kept.round == (0 if point.startswith("in") else 1)


def test_a_run_killed_in_training_forfeits_its_block_and_keeps_the_evolved_phantoms(scans, tmp_path, monkeypatch):
    from medsyngen.privacy import dpsgd

    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        dies_at(patch, dpsgd, "clipped_sum", 3)
        with pytest.raises(Killed):
            fit(scans, folder)
    assert charged(folder) == WHOLE
    evolved = (folder / "private" / "evolved.safetensors").read_bytes()
    fit(scans, folder)
    assert charged(folder) == WHOLE
    assert (folder / "private" / "evolved.safetensors").read_bytes() == evolved
    assert Checkpoint.load(folder / "private" / "checkpoint.safetensors").steps_done == 2


def test_evolved_phantoms_of_another_run_are_refused(run, scans, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    with monkeypatch.context() as patch:
        dies_at(patch, Evolved, "save", 0)
        with pytest.raises(Killed):
            fit(scans, folder)
    shutil.copy(run / "private" / "evolved.safetensors", folder / "private" / "evolved.safetensors")
    with pytest.raises(VerificationFailed, match="another run") as refused:
        fit(scans, folder)
    assert refused.value.exit_code == 7
    assert charged(folder) == WHOLE[:2]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ledger_hash": "0" * 64}, "ledger"),
        pytest.param({"recipe_sha256": "0" * 64}, "another run", marks=pytest.mark.slow),
        pytest.param({"ledger_line": 99}, "ledger", marks=pytest.mark.slow),
    ],
)
def test_evolved_phantoms_that_this_ledger_did_not_pay_for_are_refused(scans, tmp_path, monkeypatch, wrong, words):
    folder, path = tmp_path / "run", tmp_path / "run" / "private" / "evolved.safetensors"
    with monkeypatch.context() as patch:
        dies_at(patch, Evolved, "save", 0, after=True)
        with pytest.raises(Killed):
            fit(scans, folder)
    dataclasses.replace(Evolved.load(path), **wrong).save(path)
    with pytest.raises(VerificationFailed, match=words):
        fit(scans, folder)
    assert charged(folder) == WHOLE[:2]


def test_phantoms_that_evolved_by_fewer_rounds_than_charged_are_refused(scans, tmp_path, monkeypatch):
    folder, source = tmp_path / "run", tmp_path / "source"
    with monkeypatch.context() as patch:
        dies_at(patch, Evolved, "save", 0, after=True)
        with pytest.raises(Killed):
            fit(scans, source)
    shutil.copytree(source, folder)
    lines = (folder / "ledger.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "ledger.jsonl").write_bytes(b"".join(lines[:-1]))  # a round's charge is gone
    found = Evolved.load(folder / "private" / "evolved.safetensors")
    head = json.loads(lines[-2])
    dataclasses.replace(found, ledger_line=head["n"], ledger_hash=head["hash"]).save(
        folder / "private" / "evolved.safetensors"
    )
    with pytest.raises(VerificationFailed, match="every round"):
        fit(scans, folder)


@pytest.mark.parametrize("part", ["votes", pytest.param("training", marks=pytest.mark.slow)])
def test_a_seed_in_either_part_marks_the_run(scans, tmp_path, monkeypatch, part):
    folder, seeded = tmp_path / "run", {"keys": seeded_generator_for_tests(1)}
    with monkeypatch.context() as patch:
        dies_at(patch, Evolved, "save", 0, after=True)
        with pytest.raises(Killed):
            fit(scans, folder, **(seeded if part == "votes" else {}))
    fit(scans, folder, **(seeded if part == "training" else {}))
    assert read_tensors(folder / "generator.safetensors")[1]["seeded"] is True
    assert json.loads((folder / "report.json").read_text())["status"]["seeded"] is True


def test_without_private_training_the_votes_have_the_whole_budget(scans, tmp_path):
    folder = tmp_path / "run"
    fit(scans, folder, "synthesis.public_bands=all")
    assert charged(folder) == WHOLE[:2]
    public, context = experts_of(read_tensors(folder / "generator.safetensors")[0])
    assert context is None
    assert len(public["class_embedding.weight"]) == 3
    with Ledger.open(folder / "ledger.jsonl", read_only=True) as ledger:
        (record,) = ledger.runs.values()
        assert 7.9 < epsilon_spent(record.charged, ledger.account.budget.delta) <= 8.0
    report = json.loads((folder / "report.json").read_text())
    assert report["mechanism"] is None
    assert {stage["data"] for stage in report["stages"]} == {"evolved phantoms"}
    assert "No network was trained on private scans" in report["sentences"]["queries"][0]
    assert "Clipping" not in {item["term"] for item in report["sentences"]["details"]}
    assert export_cohort(folder, out=tmp_path / "cohort", count=3, formats=("png",), device="cpu").count == 3
