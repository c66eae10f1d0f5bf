"""Votes under the real torchrun: the sums, the noise and the population of one process, to the last bit."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "privacy"))
from elections import Recorder
from parallel.launch import seen_by, torchrun
from parallel.votes_job import evolved

from medsyngen.parallel import ALONE


def test_two_processes_vote_as_one(tmp_path: Path):
    (tmp_path / "two").mkdir()
    ended = torchrun(2, str(Path(__file__).parent / "parallel" / "votes_job.py"), str(tmp_path / "two"))
    assert ended.code == 0, ended.err
    two, recorder = seen_by(tmp_path / "two", 0), Recorder()
    places = evolved(tmp_path / "one", ALONE, recorder).tensors()["places"].numpy()
    assert len(two["noised"]) == 2  # noise once a round, whatever the number of processes
    for name, wanted in (("sums", recorder.sums), ("noised", recorder.noised)):
        np.testing.assert_array_equal(two[name], np.stack(wanted))
    np.testing.assert_array_equal(two["places"], places)
    assert {path.name for path in (tmp_path / "two").iterdir()} == {
        path.name for path in (tmp_path / "one").iterdir()
    } | {"rank0.npz"}
