"""A whole micro-batch on the device `meta`, which has shapes and no values: whoever asks for a value raises.

So the loop over micro-batches neither waits for an accelerator nor decides by what is in a record.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import Denoiser
from medsyngen.diffusion.sampling import SAMPLERS, ImageNoise
from medsyngen.diffusion.schedule import NoiseLaw, karras_steps
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.privacy import gradient_sum
from medsyngen.privacy.gradient_sum import clipped_sum, patient_streams
from medsyngen.randomness import secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

META = torch.device("meta")
SMALL = UNetSize(channels=(8, 16), attention=(False, True), head_channels=8, norm_groups=4)


@pytest.fixture(scope="module")
def network():
    return build_unet(SMALL, image_channels=1, class_rows=3, seed=0).eval().requires_grad_(False).to(META)


def a_sum(network, patients=5, micro_batch=4):
    size = 16
    record = PatientRecord(np.zeros((3, 1, size, size), np.float32), np.zeros(3, np.int64))
    cohort = Cohort({PatientKey(f"p{i}"): record for i in range(patients)})
    loss = ContextLoss(network, StageBands().split(size**2)[1], NoiseLaw(0.0, 1.2), 2, 2)
    weights = dict(network.named_parameters())
    return clipped_sum(
        loss,
        weights,
        cohort,
        list(cohort),
        clipping_norm=0.3,
        micro_batch=micro_batch,
        streams=patient_streams(secure_generator()),
        device=META,
    )


def test_the_clipped_sum_asks_for_no_value(network):
    total = a_sum(network)
    assert (total.device, total.dtype) == (META, torch.float64)
    assert total.shape == (sum(p.numel() for p in network.parameters()),)


def test_the_test_sees_a_loop_that_waits_for_the_device(network, monkeypatch):
    real = gradient_sum.add_clipped

    def curious(total, gradients, factors, count):
        real(total, gradients, factors, count)
        return bool(factors.max() > 1)

    monkeypatch.setattr(gradient_sum, "add_clipped", curious)
    with pytest.raises((RuntimeError, NotImplementedError), match="meta"):
        a_sum(network)


@pytest.mark.parametrize("sampler", sorted(SAMPLERS))
def test_drawing_asks_for_no_value(network, sampler):
    sigmas = karras_steps(3, 0.002, 80.0)
    noise, classes = ImageNoise([0, 1], (1, 16, 16), META), torch.zeros(2, dtype=torch.int64, device=META)
    images = SAMPLERS[sampler](Denoiser(network), noise, classes, sigmas)
    assert (images.device, images.shape) == (META, (2, 1, 16, 16))
