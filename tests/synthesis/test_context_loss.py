"""One patient's draws: fixed shapes, only the context band, only this patient's stream."""

from dataclasses import replace

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.cohort import PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.randomness import secure_generator
from medsyngen.synthesis.context_loss import ContextLoss

BAND = StageBands().split(64)[1]


def record(scans: int) -> PatientRecord:
    pixels = np.stack([np.full((1, 8, 8), i / 100, np.float32) for i in range(scans)])
    return PatientRecord(pixels, np.arange(scans, dtype=np.int64) % 3)


def loss(m: int, k: int) -> ContextLoss:
    return ContextLoss(torch.nn.Identity(), BAND, NoiseLaw(0.0, 1.2), m, k)


@given(st.integers(1, 66), st.integers(1, 4), st.integers(1, 8))
def test_shapes_do_not_depend_on_the_record(scans: int, m: int, k: int):
    drawn = loss(m, k).draw(record(scans), secure_generator())
    assert {name: tuple(value.shape) for name, value in drawn.items()} == {
        "y": (m * k, 1, 8, 8),
        "noise": (m * k, 1, 8, 8),
        "sigma": (m * k,),
        "classes": (m * k,),
    }


@given(st.integers(1, 66), st.integers(1, 4))
def test_up_to_m_scans_each_equally_often_with_their_own_class(scans: int, m: int):
    drawn = loss(m, 4).draw(record(scans), secure_generator())
    index = (drawn["y"][:, 0, 0, 0] * 100).round().long()
    used, counts = index.unique(return_counts=True)
    assert len(used) == min(m, scans)
    assert counts.max() - counts.min() <= 1
    assert torch.equal(drawn["classes"], index % 3)


def test_private_scans_meet_the_context_band_only():
    stream = secure_generator()
    sigma = torch.cat([loss(4, 8).draw(record(3), stream.child(b"%d" % i))["sigma"] for i in range(100)])
    assert sigma.min() >= BAND.low * (1 - 1e-6)
    assert sigma.max() <= BAND.high * (1 + 1e-6)


def test_draws_repeat_for_the_same_stream_and_differ_between_draws():
    stream = secure_generator()
    a = loss(2, 4).draw(record(5), stream.child(b"p"))
    b = loss(2, 4).draw(record(5), stream.child(b"p"))
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert len(a["sigma"].unique()) == 8  # not one noise level for all draws


def test_labels_are_dropped_by_the_patients_own_stream_and_nothing_else_changes():
    stream = secure_generator()
    plain, dropping = loss(4, 64), replace(loss(4, 64), nulls=(7,), label_dropout=0.25)
    a, b = (each.draw(record(5), stream.child(b"p")) for each in (plain, dropping))
    dropped = b["classes"] == 7
    assert 0.1 < dropped.double().mean() < 0.4
    assert torch.equal(a["classes"][~dropped], b["classes"][~dropped])
    assert torch.equal(b["classes"], dropping.draw(record(5), stream.child(b"p"))["classes"])
    assert not torch.equal(b["classes"], dropping.draw(record(5), stream.child(b"q"))["classes"])
    assert torch.equal(a["y"], b["y"])
    assert a["sigma"].shape == b["sigma"].shape


def test_all_attributes_of_a_draw_are_dropped_together():
    pixels = np.zeros((2, 1, 8, 8), np.float32)
    several = PatientRecord(pixels, np.array([[0, 3], [1, 4]], np.int64))
    rows = replace(loss(2, 64), nulls=(2, 5), label_dropout=0.5).draw(several, secure_generator())["classes"]
    assert {tuple(row) for row in rows.tolist()} == {(0, 3), (1, 4), (2, 5)}
