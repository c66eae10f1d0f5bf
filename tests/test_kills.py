"""A crash costs utility, not privacy: the real command killed by SIGKILL at the worst moments, and started again.

Twenty kills, at every point and at random: `python -m tests.benchmarks.kills`.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from kill_laws import holds
from kills import MOMENT, STEPS, Job, Kill, Site, draw_kill

from medsyngen.randomness import Streams

pytestmark = pytest.mark.slow
SEED = 4


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return Site(tmp_path_factory.mktemp("kills")).build()


def test_four_kills_then_the_end(site):
    rng = Streams(SEED).numpy("four kills")
    job = Job(site, "run")
    for kind in ("charged", "line of a charge", MOMENT, "checkpoint"):
        kill = draw_kill(kind, rng)
        assert job.start(kill), f"{kill} did not come off (seed {SEED})"
    assert not job.start()
    assert b"dropped" in site.ledger.read_bytes()
    figures = job.figures()
    assert figures["steps_that_ran"] < figures["steps_charged"] == STEPS  # what the kills cost


def test_a_product_that_charges_after_its_steps_is_caught(site):
    job = Job(site, "late", mutants=("charges after its steps",))
    with pytest.raises(AssertionError, match="not so: no more Gaussian steps ran than were charged"):
        job.start(Kill("step", nth=2))


def test_a_product_that_repeats_steps_and_keeps_its_key_is_caught(site):
    job = Job(site, "again", mutants=("repeats what was charged", "keeps its key"))
    with pytest.raises(AssertionError, match=r"not so: no key is on disk$"):
        job.start(Kill("step", nth=2))
    with pytest.raises(AssertionError) as caught:
        job.start(Kill("step", nth=2))
    for law in ("no more Gaussian steps ran", "no step ran twice", "every noise key is used once"):
        assert law in str(caught.value)


@pytest.mark.parametrize("form", ["raw", "hexadecimal"])
def test_a_key_is_found_wherever_it_lies(form):
    key = np.arange(7, 39, dtype=np.uint8).tobytes()
    marks = {hashlib.sha256(key).hexdigest()}
    text = key if form == "raw" else key.hex().encode()
    assert holds(b"x" * 1000 + text + b"a" * 77, marks)
    assert not holds(b"x" * 1000 + text[:-1] + b"b" * 77, marks)
