"""Fit and the ledger of the site: no approval no scan read, every run in full, a ledger rolled back is refused."""

from __future__ import annotations

import json
import shutil

import pytest

from medsyngen.privacy.ledger import Ledger

FIT = ("fit", "smoke-16", "--patients-at-most", 40)


def create(cli, epsilon=30, **options):
    words = [word for key, value in options.items() for word in (f"--{key}", value)]
    done = cli("ledger", "create", "--epsilon", epsilon, "--patients-at-most", 100, "--approved-by", "DPO", *words)
    assert done.code == 0, done.err


@pytest.fixture
def no_scan(tmp_path):
    """A folder of scans that can't be opened: whoever reads it fails with 3, not with 5."""
    return tmp_path / "never-read"


def test_without_an_approved_budget_no_scan_is_read(cli, no_scan, tmp_path):
    done = cli(*FIT, "--scans", no_scan, "--run", tmp_path / "run")
    assert done.code == 5
    assert "ledger create" in done.err
    assert "--own-ledger" in done.err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--set", "privacy.delta=1e-6"), "δ = 1e-5"),
        (("--patients-at-most", 101), "at most 100"),
        (("--set", "privacy.epsilon=40"), "of 30"),
    ],
)
def test_what_the_ledger_does_not_allow_is_refused_before_a_scan_is_read(cli, no_scan, tmp_path, site, options, words):
    create(cli)
    before = site.read_bytes()
    done = cli(*FIT, "--scans", no_scan, "--run", tmp_path / "run", *options)
    assert done.code == 5, done.err
    assert words in done.text
    assert not (tmp_path / "run").exists()
    assert site.read_bytes() == before


def test_a_reason_is_asked_for_and_only_one_ledger_named(cli, clean_hospital, tmp_path):
    run = tmp_path / "run"
    assert cli(*FIT, "--scans", tmp_path / "never-read", "--run", run, "--own-ledger", " ").code == 2
    assert not run.exists()
    both = cli(*FIT, "--scans", clean_hospital, "--run", run, "--own-ledger", "x", "--ledger", tmp_path / "y")
    assert both.code == 2


@pytest.mark.slow
def test_every_run_is_charged_in_full_until_nothing_fits(cli, clean_hospital, tmp_path, site):
    create(cli, epsilon=14)
    fit = (*FIT, "--scans", clean_hospital, "--json")
    first = cli(*fit, "--run", tmp_path / "one")
    assert first.code == 0, first.err
    second = cli(*fit, "--run", tmp_path / "two")
    assert second.code == 0, second.err
    (told,) = [notice for notice in second.json["notices"] if "spent on before" in notice]
    assert told.startswith("40 of these patients")
    assert not any("spent on before" in notice for notice in first.json["notices"])
    third = cli(*fit, "--run", tmp_path / "three")
    assert third.code == 5, third.err
    assert "earlier runs were charged or hold" in third.err
    epsilon = float(third.err.split("recipe's ε to at most ")[1].split(";")[0])
    assert not (tmp_path / "three").exists()
    fitting = cli(*fit, "--run", tmp_path / "three", "--set", f"privacy.epsilon={epsilon}")
    assert fitting.code == 0, fitting.err

    report = json.loads((tmp_path / "two" / "report.json").read_text())
    assert report["ledger"]["total"]["runs"] == 2
    assert report["guarantee"]["epsilon"] < report["ledger"]["total"]["in_advance"]
    cli("report", tmp_path / "one")  # a later report counts the later runs
    assert json.loads((tmp_path / "one" / "report.json").read_text())["ledger"]["total"]["runs"] == 3

    whole = site.read_bytes()
    cohort = tmp_path / "cohort"
    assert cli("export", tmp_path / "one", "--out", cohort, "--count", 3).code == 0
    lines = len(whole.splitlines())
    rows = whole.splitlines(keepends=True)
    for kept in (2, lines - 1):
        site.write_bytes(b"".join(rows[:kept]))
        for command in (("ledger", "show", cohort), ("report", tmp_path / "one"), ("ledger", "show", tmp_path / "one")):
            done = cli(*command)
            assert done.code == 7, command
            assert f"ends at line {kept}" in done.text
            assert "was made when it held line" in done.text
    site.write_bytes(whole)
    moved = tmp_path / "moved.jsonl"
    shutil.move(site, moved)
    assert cli("report", tmp_path / "one").code == 7
    assert cli("report", tmp_path / "one", "--ledger", moved).code == 0
    assert cli("export", tmp_path / "one", "--out", tmp_path / "c2", "--count", 2, "--ledger", moved).code == 0


@pytest.mark.slow
def test_a_run_given_up_frees_what_it_held_and_can_not_go_on(cli, process, clean_hospital, tmp_path, site):
    cli("ledger", "create", "--epsilon", 10, "--patients-at-most", 100, "--approved-by", "DPO")
    die = """
import medsyngen.privacy.dpsgd as dpsgd, os
real = dpsgd.TrainingState.save
def save(*arguments, **keywords):
    real(*arguments, **keywords)
    os._exit(9)
dpsgd.TrainingState.save = save
"""
    fit = (*FIT, "--scans", clean_hospital, "--set", "privacy.epsilon=2")
    assert process(*fit, "--run", tmp_path / "one", before=die).code == 9
    held = cli("ledger", "show", tmp_path / "one", "--json").json
    assert [run["held"] for run in held["runs"].values()] == [3]
    assert cli("ledger", "close", tmp_path / "one").code == 0
    no_scans = (word if word != clean_hospital else tmp_path / "never-read" for word in fit)
    on = cli(*no_scans, "--run", tmp_path / "one")  # refused before a scan is read
    assert on.code == 5
    assert "given back" in on.err
    with Ledger.open(site, read_only=True) as ledger:
        assert [len(run.committed()) for run in ledger.runs.values()] == [1]
