"""Described phantoms: the network learns to heed what it is told, and forgets the words, not the null row."""

import numpy as np
import pytest
import torch

from medsyngen.diffusion.denoiser import Denoiser
from medsyngen.diffusion.described import DescribedEmbedding, can_be_described, sometimes, without_words
from medsyngen.diffusion.training import PublicTraining, train_on_phantoms
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.randomness import Streams

CPU = torch.device("cpu")
SMALL = UNetSize((8, 8), (False, False), 1, 4, 8)


def flat(count, rng):
    """Images of one grey, and the grey in words."""
    words = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
    grey = np.sign(words[:, :1, None, None]) * 0.5
    return np.broadcast_to(grey, (count, 1, 8, 8)).astype(np.float32).copy(), words


@pytest.mark.slow
def test_a_described_network_draws_what_it_is_told():
    network = build_unet(SMALL, image_channels=1, class_rows=1, seed=0)
    can_be_described(network, 2)
    training = PublicTraining(steps=200, batch_size=16, learning_rate=1e-2, ema_decay=0.9, described=0.7)
    weights = train_on_phantoms(network, flat, training, sigma_range=(0.01, 20.0), streams=Streams(0), device=CPU)
    network.load_state_dict(weights)
    noise = 8.0 * torch.randn((2, 1, 8, 8), generator=torch.Generator().manual_seed(0))[:1].expand(2, -1, -1, -1)
    told = torch.tensor([[0.9, 0.0], [-0.9, 0.0]])
    with torch.no_grad():
        bright, dark = Denoiser(network)(noise, torch.full((2,), 8.0), told).mean((1, 2, 3))
    assert bright > dark + 0.3
    assert set(without_words(weights)) == set(
        dict(build_unet(SMALL, image_channels=1, class_rows=1, seed=0).named_parameters())
    )


def test_at_first_a_description_changes_nothing():
    embedding = DescribedEmbedding(torch.ones(1, 3), 2)
    assert torch.equal(embedding(torch.tensor([[1.0, -1.0], [0.0, 0.0]])), torch.ones(2, 3))


def test_a_share_is_described():
    kept = sometimes(torch.ones(10_000, 3), 0.3, torch.Generator().manual_seed(0))
    assert set(kept.sum(1).tolist()) == {0.0, 3.0}
    assert kept[:, 0].mean().item() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_all_or_less_than_none_is_refused(share):
    with pytest.raises(ValueError, match="described"):
        PublicTraining(described=share)
