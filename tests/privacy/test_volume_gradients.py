"""Per-patient gradients of volumes with label maps, by a network that works on blocks: those of plain autograd."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from one_by_one import SMALL, assert_equal, one_by_one

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import unet_for
from medsyngen.privacy.book_keeping import gradients_by_book_keeping, has_ghosts_for
from medsyngen.privacy.gradient_sum import Views, clipped_sum, patient_streams
from medsyngen.privacy.patient_gradients import gradients_by_vmap, per_patient_gradients
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey, positions
from medsyngen.synthesis.context_loss import ContextLoss

IMAGES = (2, 8, 12, 8)


@pytest.fixture(scope="module")
def pieces():
    """A loss as private training has it, moved weights, and what four patients of two volumes each draw."""
    generator = torch.Generator().manual_seed(0)
    network = unet_for(dataclasses.replace(SMALL, patch=2), IMAGES, class_rows=3, seed=0).eval().requires_grad_(False)
    weights = {n: p + 0.05 * torch.randn(p.shape, generator=generator) for n, p in network.named_parameters()}
    loss = ContextLoss(network, StageBands().split(positions(IMAGES))[1], NoiseLaw(1.0, 1.4), 2, 1)
    rng = np.random.default_rng(0)
    records = {
        PatientKey(f"p{number}"): PatientRecord(
            rng.uniform(-1, 1, (2, *IMAGES)).astype(np.float32), rng.integers(0, 3, 2).astype(np.int64)
        )
        for number in range(4)
    }
    return loss, weights, Cohort(records)


def drawn_by(loss, cohort):
    stream = secure_generator()
    each = [loss.draw(cohort[patient], stream.child(patient.to_bytes())) for patient in cohort]
    return {name: torch.stack([draws[name] for draws in each]) for name in each[0]}


def test_every_way_gives_the_gradients_of_one_patient_after_the_other(pieces):
    loss, weights, cohort = pieces
    drawn = drawn_by(loss, cohort)
    assert drawn["y"].shape == (4, 2, *IMAGES)
    assert has_ghosts_for(loss.network)
    truth = one_by_one(loss, weights, drawn)
    assert truth.norm(dim=1).min() > 0
    assert_equal(gradients_by_book_keeping(loss, weights, drawn), truth)
    assert_equal(per_patient_gradients(loss, weights, drawn), truth)
    assert_equal(gradients_by_vmap(loss, weights, drawn), truth)


def test_one_patients_sum_is_clipped_as_one_and_depends_on_nobody_else(pieces):
    """Image and map are one record: however large, together they bring at most C."""
    loss, weights, cohort = pieces
    views = Views({name: value.shape for name, value in weights.items()})
    patients, clip = list(cohort), 1e-3

    def summed(chosen, stream):
        return clipped_sum(
            loss,
            weights,
            cohort,
            chosen,
            clipping_norm=clip,
            micro_batch=3,
            streams=patient_streams(stream),
            device=torch.device("cpu"),
        )

    assert views.flatten(weights).numel() == len(summed(patients, secure_generator()))
    alone = summed(patients[:1], secure_generator())
    assert clip * 0.99 < float(alone.norm()) <= clip
    assert float(summed(patients, secure_generator()).norm()) <= 4 * clip
