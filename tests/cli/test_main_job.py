"""The whole job as a hospital does it: each command a process of its own, on a small simulated hospital."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
COUNT = 6


def test_inspect_plan_fit_export_report_ledger(process, damaged, tmp_path, private_words, site):
    printed = []

    def ok(*arguments):
        done = process(*arguments, "--json")
        assert done.code == 0, done.err
        printed.append(done.text)
        return done.json

    run, cohort = tmp_path / "run", tmp_path / "cohort"
    fit = ("fit", "smoke-16", "--scans", damaged, "--run", run, "--patients-at-most", 40)

    ok("ledger", "create", "--epsilon", 30, "--patients-at-most", 100, "--approved-by", "DPO")
    found = ok("inspect", damaged, "--recipe", "smoke-16", "--out", run)
    planned = ok("plan", "smoke-16", "--patients-at-most", 40)
    first = ok(*fit)
    assert first["already_finished"] is False
    assert first["guarantee"]["own_ledger"] is None
    assert (first["patients"], first["scans"]) == (found["patients"], found["scans"])
    assert {refusal["reason"] for refusal in first["refusals"]} == {"coloured", "truncated", "not-dicom"}
    assert 0 < first["guarantee"]["epsilon"] <= 8.0
    assert first["guarantee"]["epsilon"] == planned["epsilon"]
    for name in ("recipe.yaml", "ledger.jsonl", "generator.safetensors", "preview.png", "report.html", "report.json"):
        assert (run / name).stat().st_size > 0, name
    assert stat.S_IMODE((run / "private").stat().st_mode) == 0o700

    ledger_before, files_before = (run / "ledger.jsonl").read_bytes(), hashes(run)
    again = ok(*fit)
    assert again["already_finished"] is True
    assert again["guarantee"] == first["guarantee"]
    assert hashes(run) == files_before, "a finished run was touched"

    other = process(*fit, "--set", "privacy.epsilon=4")
    assert (other.code, other.out) == (2, "")
    assert "privacy.epsilon: 8.0 there, 4" in other.err
    assert hashes(run) == files_before

    written = ok("export", run, "--out", cohort, "--count", COUNT, "--format", "dicom,png")
    assert written["count"] == COUNT
    assert written["guarantee"] == first["guarantee"]
    assert len(list((cohort / "dicom").rglob("*.dcm"))) == COUNT == len(list((cohort / "png").rglob("*.png")))
    for name in ("README.md", "cohort.csv", "manifest.json", "privacy_report.html", "privacy_report.json"):
        assert (cohort / name).stat().st_size > 0, name

    verified = ok("verify", cohort)
    assert (verified["verified"], verified["signed"], verified["kind"]) == (True, False, "cohort")
    bundle = tmp_path / "bundle"
    assert ok("export", run, "--bundle", bundle)["guarantee"] == first["guarantee"]
    assert ok("verify", bundle)["kind"] == "bundle"
    (cohort / "notes.txt").write_text("x")
    changed = process("verify", cohort)
    assert (changed.code, changed.out) == (7, "")
    assert "notes.txt is in the folder and not in the manifest" in changed.err
    (cohort / "notes.txt").unlink()

    twice = process("export", run, "--out", cohort, "--count", COUNT)
    assert (twice.code, twice.out) == (2, "")

    (run / "report.html").unlink()
    paths = ok("report", run)
    assert json.loads((run / "report.json").read_bytes())["guarantee"]["unit"] == "patient"
    assert paths["html"] == str(run / "report.html")
    assert (run / "report.html").is_file()

    ledger = ok("ledger", "show", run)
    (counted,) = ledger["runs"].values()
    assert counted == {"guarantee": first["guarantee"], "held": 0, "closed": False, "seeded": False}
    assert len(ledger["looks"]) == 1
    assert sum(line["block"][1] - line["block"][0] for line in ledger["lines"] if line["kind"] == "charge") == 5
    assert (run / "ledger.jsonl").read_bytes() == ledger_before == site.read_bytes()
    assert ok("ledger", "show", cohort)["head"] == json.loads((cohort / "manifest.json").read_text())["ledger_head"]

    everything = " ".join(printed)
    assert [word for word in (*private_words, str(damaged / "SIM")) if word in everything] == []


def test_an_interrupted_fit_goes_on_and_forfeits_what_it_charged(process, clean_hospital, tmp_path):
    run = tmp_path / "run"
    fit = ("fit", "smoke-16", "--scans", clean_hospital, "--run", run, "--patients-at-most", 40, "--own-ledger", "x")
    interrupt = """
import medsyngen.privacy.ledger as ledger
charge = ledger.Ledger.charge
def interrupted(self, run, event, **keywords):
    line = charge(self, run, event, **keywords)
    if keywords["block"][0] > 0:
        raise KeyboardInterrupt
    return line
ledger.Ledger.charge = interrupted
"""
    stopped = process(*fit, before=interrupt)
    assert (stopped.code, stopped.out) == (130, "")
    assert not (run / "generator.safetensors").exists()
    gone_on = process(*fit)
    assert gone_on.code == 0, gone_on.err
    assert re.search(r"private training \(DP-SGD\); ε = [0-9.]+ at δ = 1e-5 charged so far: 5 of 5", gone_on.err)
    for words in ("ε = ", " at δ = 1e-5, per patient (neighbours: add or remove one patient's record", "next: "):
        assert words in " ".join(gone_on.out.split())
    blocks = [line["block"] for line in process("ledger", "show", run, "--json").json["lines"] if "block" in line]
    assert blocks == [[0, 2], [2, 4], [4, 5]]


def test_the_demo_runs_the_whole_job_and_says_where_to_look(process, tmp_path):
    demo = ("demo", "demo", "--recipe", "smoke-16", "--patients", 40, "--count", COUNT)
    done = process(*demo)
    assert done.code == 0, done.err
    assert "SIMULATED" in done.out
    for place in ("cohort", "cohort/privacy_report.html", "run/preview.png"):
        assert f"demo/{place}" in done.out
        assert (tmp_path / "demo" / place).exists()
    before = hashes(tmp_path / "demo")
    again = process(*demo, "--json")
    assert again.code == 0, again.err
    assert again.json["fit"]["already_finished"] is True
    assert "nothing was charged" in again.err
    assert hashes(tmp_path / "demo") == before


def test_it_runs_as_a_module_too(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "medsyngen.cli", "--version"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("medsyngen ")


def hashes(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
