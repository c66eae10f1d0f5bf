"""Disk full, folder read-only: a clear error, no lost line, no step that wasn't charged, and on it goes afterwards."""

from __future__ import annotations

import errno
import os

import pytest
import torch
from disk_faults import Disk, no_superuser, read_only
from ledgers import BUDGET, begin, new, pay
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.errors import MedsyngenError
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.run_identity import RunIdentity
from medsyngen.privacy.checkpoint import Checkpoint, write_atomically
from medsyngen.privacy.dpsgd import DPSGD, train_privately
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.privacy.patients_charged import PatientsCharged
from medsyngen.randomness import secure_generator
from medsyngen.recipe import load_recipe
from medsyngen.scan import PatientKey

TRAINING = DPSGD(steps=8, patients_per_step=5, block=2, micro_batch=3)
CODES = [errno.ENOSPC, errno.EIO, errno.EROFS]


class Count(GaussianSum):
    def __init__(self):
        self.steps = 0

    def release(self, total, std, stream):
        self.steps += 1
        return super().release(total, std, stream)


def train(folder, mechanism, after_step=None):
    """Trains to the end or to the first error, on a ledger in the folder."""
    path = folder / "ledger.jsonl"
    plan = TRAINING.event(TRAINING.steps, patients_at_most=500, noise_multiplier=10.0)
    with Ledger.open(path) if path.exists() else new(folder) as ledger:
        return train_privately(
            LinearLoss(),
            toy_weights(),
            toy_cohort(9),
            TRAINING,
            patients_at_most=500,
            noise_multiplier=10.0,
            account=begin(ledger, plan),
            keys=secure_generator(),
            checkpoint=folder / "checkpoint.safetensors",
            device=torch.device("cpu"),
            mechanism=mechanism,
            progress=after_step or (lambda *_: None),
        )


def charged(folder):
    with Ledger.open(folder / "ledger.jsonl", read_only=True) as ledger:
        return sum(line["event"]["count"] for line in ledger.lines if line["kind"] == "charge")


def told(error, code):
    """The error says what failed, why and what to do, and no folder."""
    assert error.exit_code == 1
    assert os.strerror(code) in error.what
    assert "free" in error.do
    assert "/" not in f"{error.what}{error.do}".replace("Input/output", "")
    return True


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("call", ["open", "fdopen", "fsync", "replace"])
def test_a_file_that_can_not_be_written_stays_what_it_was(tmp_path, monkeypatch, call, code):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    disk = Disk(monkeypatch, "file", call, code)
    with pytest.raises(MedsyngenError) as caught:
        write_atomically(path, b"new and longer")
    assert told(caught.value, code)
    assert disk.hits == 1
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == {"file": b"old"}
    disk.full = False
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_in_a_read_only_folder_the_first_failure_is_told(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    (tmp_path / ".file.part").write_bytes(b"left by a kill")  # can be opened, but neither renamed nor removed
    with read_only(tmp_path), pytest.raises(MedsyngenError) as caught:
        write_atomically(path, b"new")
    assert told(caught.value, errno.EACCES)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("call", ["open", "fdopen", "fsync", "replace"])
def test_a_checkpoint_that_can_not_be_written_costs_its_block_and_nothing_else(tmp_path, monkeypatch, call):
    count, checkpoint = Count(), tmp_path / "checkpoint.safetensors"
    faults = []

    def from_the_third_block(_phase, done, _of):
        if done == 5:
            faults.append(Disk(monkeypatch, checkpoint.name, call))

    with pytest.raises(MedsyngenError, match=r"^checkpoint.safetensors can't be written") as caught:
        train(tmp_path, count, from_the_third_block)
    assert told(caught.value, errno.ENOSPC)
    assert faults[0].hits == 1
    saved = Checkpoint.load(checkpoint)
    assert (saved.steps_done, saved.ledger_line) == (4, 3)  # the old one: open, reserve, charge, charge
    assert (count.steps, charged(tmp_path)) == (6, 6)
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix != ".lock") == [checkpoint.name, "ledger.jsonl"]
    faults[0].full = False
    train(tmp_path, count)
    assert (count.steps, charged(tmp_path)) == (8, 8)
    assert Checkpoint.load(checkpoint).steps_done == 6  # steps 4 and 5 are forfeited


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_no_step_runs_whose_charge_is_not_on_disk(tmp_path, monkeypatch, call, code):
    count = Count()
    new(tmp_path).close()

    def from_the_second_block(_phase, done, _of):
        disk.full = done == 2

    disk = Disk(monkeypatch, "ledger.jsonl", call, code)  # opened below, so that its descriptor is known
    disk.full = False
    with pytest.raises(MedsyngenError, match=r"^the ledger ledger.jsonl can't be opened or written") as caught:
        train(tmp_path, count, from_the_second_block)
    assert told(caught.value, code)
    assert disk.hits >= 1
    disk.full = False
    assert (count.steps, charged(tmp_path)) == (2, 2)
    whole = (tmp_path / "ledger.jsonl").read_bytes()
    train(tmp_path, count)
    assert (count.steps, charged(tmp_path)) == (8, 8)  # the refused charge was none: nothing is forfeited
    assert (tmp_path / "ledger.jsonl").read_bytes().startswith(whole[: whole.rfind(b"\n") + 1])


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_a_plan_that_can_not_be_written_reserves_nothing(tmp_path, monkeypatch, call):
    new(tmp_path).close()
    disk = Disk(monkeypatch, "ledger.jsonl", call)
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger, pytest.raises(MedsyngenError) as caught:
        begin(ledger)
    assert told(caught.value, errno.ENOSPC)
    disk.full = False
    with Ledger.open(tmp_path / "ledger.jsonl") as ledger:
        pay(begin(ledger), 0, 4)
    with Ledger.open(tmp_path / "ledger.jsonl", read_only=True) as ledger:
        assert [line["kind"] for line in ledger.lines] == ["open", "reserve", "charge"]


def test_a_ledger_in_a_read_only_folder_can_be_read_and_not_made_or_opened(tmp_path):
    with pytest.raises(MedsyngenError) as caught, read_only(tmp_path):
        new(tmp_path)
    assert told(caught.value, errno.EACCES)
    assert list(tmp_path.iterdir()) == []
    new(tmp_path).close()
    before, path = (tmp_path / "ledger.jsonl").read_bytes(), tmp_path / "ledger.jsonl"
    for leftover in tmp_path.glob("*.lock"):
        leftover.unlink()
    with read_only(tmp_path):
        with Ledger.open(path, read_only=True) as ledger:
            assert ledger.account.budget == BUDGET
        with pytest.raises(MedsyngenError) as caught:
            Ledger.open(path)
    assert told(caught.value, errno.EACCES)
    path.chmod(0o400)
    with no_superuser(), pytest.raises(MedsyngenError) as caught:
        Ledger.open(path)
    assert told(caught.value, errno.EACCES)
    assert path.read_bytes() == before


def test_a_list_of_patients_that_can_not_be_written_is_told(tmp_path):
    with read_only(tmp_path), pytest.raises(MedsyngenError):
        PatientsCharged(tmp_path / "ledger.jsonl").book("run", [PatientKey("p")])


def test_a_run_folder_that_can_not_be_written(tmp_path):
    recipe = load_recipe("smoke-16", (), patients_at_most=40)
    folder = RunFolder(tmp_path / "run")
    with read_only(tmp_path), pytest.raises(MedsyngenError, match="run folder can't be written: Permission denied"):
        folder.create(recipe)
    folder.create(recipe)
    with read_only(folder.private):
        with pytest.raises(MedsyngenError, match="can't be locked: Permission denied"), folder.lock():
            pass
        with pytest.raises(MedsyngenError, match=r"run.json can't be written: Permission denied"):
            RunIdentity.new(None).claim(folder)
    assert list(folder.private.iterdir()) == []


def test_a_recipe_half_written_by_a_kill_is_written_again(tmp_path):
    recipe = load_recipe("smoke-16", (), patients_at_most=40)
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    (folder.path / ".recipe.yaml.part").write_text("name: smo")
    folder.check_same_recipe(recipe)
    folder.create(recipe)
    assert folder.recipe().sha256 == recipe.sha256
    assert sorted(path.name for path in folder.path.iterdir()) == ["private", "recipe.yaml"]
