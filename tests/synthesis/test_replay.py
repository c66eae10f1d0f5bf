"""What is replayed beside a private step: the public bands alone, from phantoms, never more than its weight times C."""

import pytest
import torch
from small_generators import TINY

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import build_unet
from medsyngen.errors import UsageError
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.randomness import Streams
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.replay import PhantomReplay

MIX = PhantomMix((("chest_radiograph", 1.0),))
COARSE, CONTEXT, CLEANING = StageBands().split(64)
NETWORK = build_unet(TINY, image_channels=1, class_rows=3, seed=0).eval().requires_grad_(False)
LOSS = ContextLoss(NETWORK, CONTEXT, NoiseLaw(0.0, 1.2), 2, 2)
DRAWN = PhantomDraws(lambda n, rng: MIX.draw(n, 8, rng), ((0.5, 0.5, 0.1),), Streams(0), torch.device("cpu"))
SEED = torch.Generator().manual_seed(0)
WEIGHTS = {n: v.detach() + 0.05 * torch.randn(v.shape, generator=SEED) for n, v in NETWORK.named_parameters()}


def replay(weight=1.0, most=1e9):
    return PhantomReplay(weight, 6, 4, LOSS, DRAWN, NoiseLaw(-0.4, 2.0), (COARSE, CLEANING), most)


def test_it_is_the_gradient_of_phantoms_in_the_public_bands():
    batch = DRAWN("replay", 3, count=6, draws=4, law=NoiseLaw(-0.4, 2.0), bands=(COARSE, CLEANING))
    assert bool((batch["sigma"][:, ::2] >= COARSE.low).all())
    assert bool((batch["sigma"][:, 1::2] < CLEANING.high).all())
    leaves = {name: value.clone().requires_grad_() for name, value in WEIGHTS.items()}
    total = sum(LOSS(leaves, {name: value[i] for name, value in batch.items()}) for i in range(6)) / 6
    expected = torch.cat([g.flatten() for g in torch.autograd.grad(total, list(leaves.values()))])
    torch.testing.assert_close(replay()(3, WEIGHTS).float(), expected, rtol=1e-4, atol=1e-6)
    assert not torch.equal(replay()(3, WEIGHTS), replay()(4, WEIGHTS))


def test_it_is_weighted_and_no_longer_than_what_a_patient_may_bring():
    whole = replay()(0, WEIGHTS)
    torch.testing.assert_close(replay(weight=0.5)(0, WEIGHTS), 0.5 * whole)
    short = replay(weight=0.5, most=0.01)(0, WEIGHTS)
    torch.testing.assert_close(short, 0.5 * 0.01 * whole / whole.norm())


def test_without_public_bands_there_is_nothing_to_replay():
    with pytest.raises(UsageError) as caught:
        load_recipe("smoke-16", ("synthesis.replay=1", "synthesis.public_bands=none"), patients_at_most=20)
    assert "replay needs public_bands" in caught.value.details[0]
