"""The real `torchrun ... medsyngen fit` with two processes: finished, refused, killed and gone on with by one."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import torch
from kills import N_MAX, SETTINGS, STEPS, Site
from parallel.launch import torchrun

from medsyngen.formats.png import read_png
from medsyngen.privacy.ledger import Ledger
from medsyngen.synthesis.generator import read_generator_file

pytestmark = pytest.mark.slow
DIES = """
import os, sys
from importlib.metadata import entry_points
from medsyngen.privacy import shared_sum
real, calls = shared_sum.clipped_sum, iter(range(99))
def dies(*step, **more):
    if next(calls) == 7:
        os.kill(os.getpid(), 9)
    return real(*step, **more)
shared_sum.clipped_sum = dies
(script,) = entry_points(group="console_scripts", name="medsyngen")
sys.argv = ["medsyngen", *sys.argv[1:]]
script.load()()
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Site:
    return Site(tmp_path_factory.mktemp("processes")).build()


def fit(site: Site, name: str, *more: str, program: tuple[str, ...] = ("medsyngen",), count: int = 2):
    private = [word for key, value in SETTINGS.items() for word in ("--set", f"synthesis.private.{key}={value}")]
    words = [
        "fit",
        "smoke-16",
        "--patients-at-most",
        N_MAX,
        *private,
        "--scans",
        site.scans,
        "--run",
        site.folder / name,
    ]
    places = {"MEDSYNGEN_LEDGER": str(site.ledger), "MEDSYNGEN_CACHE": str(site.folder / "cache")}
    launch = ("--no-python", "--", *program)  # without the dashes torchrun takes --run for a word of its own
    return torchrun(count, *launch, *map(str, words), "--json", *more, **places)


def charges(site: Site, name: str) -> list[tuple[object, object]]:
    run = json.loads((site.folder / name / "private" / "run.json").read_text())["run"]
    with Ledger.open(site.ledger, read_only=True) as ledger:
        return [
            (line["event"], line["block"]) for line in ledger.lines if line["kind"] == "charge" and line["run"] == run
        ]


PART = ("--set", "synthesis.trainable=lora")


def test_two_processes_finish_a_run_with_one_voice_and_one_ledger(site):
    """It trains a part of the network; the whole of it is trained where a process is killed, below."""
    ended = fit(site, "two", *PART)
    assert ended.code == 0, ended.err
    assert json.loads(ended.out)["patients"] == 12  # one document: the other process printed nothing
    assert ended.err.count("private training (DP-SGD)") <= STEPS + 1
    assert [block for _, block in charges(site, "two")] == [[n, n + 3] for n in range(0, STEPS, 3)]
    public, context, facts = read_generator_file(site.folder / "two" / "generator.safetensors")
    assert facts["ledger_head"]
    for name, value in public.items():
        changes = value.ndim > 1 or name.startswith("class_embedding")
        assert torch.equal(context[name], value) != changes, name
    again = fit(site, "two", *PART)
    assert again.code == 0, again.err
    assert json.loads(again.out)["already_finished"]


def test_a_refused_budget_ends_all_with_5_and_one_message(site):
    ended = fit(site, "refused", "--set", "privacy.epsilon=500")
    assert ended.failed == {0: 5, 1: 5}, ended.err
    assert ended.err.count("error: ") == 1
    assert not (site.folder / "refused").exists()


def test_two_processes_draw_the_cohort_that_one_draws(site):
    run = site.folder / "two"
    drawn = {}
    for count in (1, 2):
        out = site.folder / f"cohort {count}"
        launch = ("--no-python", "--", "medsyngen", "export", run, "--out", out, "--count", "37", "--format", "png")
        ended = torchrun(count, *launch, "--json", MEDSYNGEN_LEDGER=str(site.ledger))
        assert ended.code == 0, ended.err
        assert json.loads(ended.out)["count"] == 37  # one document
        drawn[count] = np.stack([read_png(path) for path in sorted((out / "png").rglob("*.png"))])
    assert drawn[1].shape[0] == 37
    assert np.abs(drawn[1] - drawn[2]).max() < 0.02  # one grey level of 255 is 0.008: other batches round otherwise
    assert len(np.unique(drawn[2].reshape(37, -1), axis=0)) == 37


def test_a_refused_export_ends_all_with_one_message(site):
    out = site.folder / "cohort 1"
    launch = ("--no-python", "--", "medsyngen", "export", site.folder / "two", "--out", out, "--count", "4")
    ended = torchrun(2, *launch, MEDSYNGEN_LEDGER=str(site.ledger))
    assert ended.failed == {0: 2, 1: 2}, ended.err
    assert ended.err.count("error: ") == 1


def test_when_the_leading_process_is_killed_the_other_ends_and_the_ledger_is_true(site):
    leads = DIES.replace("shared_sum.clipped_sum", "dpsgd.clipped_sum").replace("import shared_sum", "import dpsgd")
    ended = fit(site, "beheaded", program=(sys.executable, "-c", leads))
    assert ended.failed[0] == -9
    assert ended.failed[1] != 0
    assert [block for _, block in charges(site, "beheaded")] == [[0, 3], [3, 6], [6, 9]]
    rest = fit(site, "beheaded")
    assert rest.code == 0, rest.err
    assert [block for _, block in charges(site, "beheaded")] == [[n, n + 3] for n in range(0, STEPS, 3)]


def test_a_killed_process_ends_the_other_and_one_process_finishes(site):
    ended = fit(site, "killed", program=(sys.executable, "-c", DIES))
    assert ended.failed[1] == -9
    said = {1: "process 2 of 2 failed: it was killed", 130: "interrupted"}  # the second if torchrun was quicker
    assert f"error: {said[ended.failed[0]]}" in ended.err
    assert "run the same command again" in ended.err
    assert [block for _, block in charges(site, "killed")] == [[0, 3], [3, 6], [6, 9]]
    rest = fit(site, "killed", count=1)
    assert rest.code == 0, rest.err
    assert [block for _, block in charges(site, "killed")] == [[n, n + 3] for n in range(0, STEPS, 3)]
