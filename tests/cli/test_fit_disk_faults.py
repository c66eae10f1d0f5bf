"""`fit` on a disk that is full or read-only: what to do is said, nothing is lost, and the same command goes on."""

from __future__ import annotations

import json
import shutil

import pytest
from disk_faults import Disk, read_only

pytestmark = pytest.mark.slow
FIT = ("fit", "smoke-16", "--patients-at-most", 40)


def said(done, *words):
    assert done.code == 1, done.err
    assert "Traceback" not in done.err
    assert "internal error" not in done.err
    for word in words:
        assert word in done.text
    return True


def charges(site):
    lines = [json.loads(row) for row in site.read_text().splitlines()]
    return [line["block"] for line in lines if line["kind"] == "charge"]


@pytest.fixture
def ledger(cli, site):
    done = cli("ledger", "create", "--epsilon", 30, "--patients-at-most", 100, "--approved-by", "DPO")
    assert done.code == 0, done.err
    return site


def test_a_full_disk_at_every_stage_and_on_it_goes(cli, clean_hospital, tmp_path, ledger, monkeypatch):
    run = tmp_path / "run"
    fit = (*FIT, "--scans", clean_hospital, "--run", run)
    paid = []
    for name, call, expected in (
        ("identifiers.json.new", "open", []),
        ("ledger.jsonl", "pwrite", []),  # the plan
        ("checkpoint.safetensors", "fdopen", [[0, 2]]),
        ("checkpoint.safetensors", "replace", [[0, 2], [2, 4]]),
        ("generator.safetensors", "fsync", [[0, 2], [2, 4], [4, 5]]),
        ("report.json", "fdopen", [[0, 2], [2, 4], [4, 5]]),
    ):
        before = ledger.read_bytes()
        with monkeypatch.context() as patch:
            disk = Disk(patch, name, call)
            done = cli(*fit)
            assert said(done, "No space left on device", "free disk space"), name
            assert disk.hits
        assert charges(ledger) == expected, name
        assert ledger.read_bytes().startswith(before), name
        paid = expected
    done = cli(*fit)
    assert done.code == 0, done.err
    assert charges(ledger) == paid
    assert (run / "report.json").is_file()
    assert (run / "report.html").is_file()
    assert not list(tmp_path.rglob("*.part"))


def test_a_folder_that_is_read_only_is_refused_before_any_charge(cli, clean_hospital, tmp_path, ledger):
    before = ledger.read_bytes()
    place = tmp_path / "place"
    place.mkdir()
    fit = (*FIT, "--scans", clean_hospital, "--run", place / "run")
    with read_only(place):
        assert said(cli(*fit), "can't be kept in the run folder: Permission denied")
    assert not list(place.iterdir())
    for leftover in ledger.parent.glob("*.lock"):
        leftover.unlink()
    with read_only(ledger.parent):
        assert said(cli(*fit), "ledger.jsonl can't be opened or written: Permission denied")
    assert not list(place.iterdir())
    (place / "run").mkdir()
    private = place / "run" / "private"
    private.mkdir(mode=0o700)
    with read_only(place / "run"):
        assert said(cli(*fit), "Permission denied", "permissions")
    assert ledger.read_bytes() == before
    shutil.rmtree(place)


def test_what_a_read_only_run_folder_holds_can_still_be_read(cli, clean_hospital, tmp_path, ledger):
    run = tmp_path / "run"
    assert cli(*FIT, "--scans", clean_hospital, "--run", run).code == 0
    before = ledger.read_bytes()
    with read_only(run, run / "private", ledger.parent):
        assert cli(*FIT, "--scans", clean_hospital, "--run", run).code == 0  # finished already
        assert cli("ledger", "show", run).code == 0
        assert said(cli("report", run), "Permission denied")
        cohort = cli("export", run, "--out", tmp_path / "cohort", "--count", 2)
    assert cohort.code == 0, cohort.err
    assert ledger.read_bytes() == before
