"""Detail for small images: what the pairs are, and that drawing gives back what a perfect network knows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.diffusion.denoiser import SIGMA_DATA
from medsyngen.diffusion.detail import (
    DetailPairs,
    build_detail_unet,
    enlarged_smoothly,
    made_small,
    with_detail,
)
from medsyngen.diffusion.sampling import ImageNoise
from medsyngen.diffusion.unet import UNetSize

SIZE = UNetSize((8, 8), (False, False), 1, 4)


def images(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 1, size, size)).astype(np.float32)


@given(small=st.integers(1, 6), factor=st.integers(1, 5))
def test_a_small_image_is_the_means_of_squares(small, factor):
    large = torch.from_numpy(images(2, small * factor))
    found = made_small(large, small)
    squares = large.reshape(2, 1, small, factor, small, factor)
    torch.testing.assert_close(found, squares.mean((3, 5)))


def test_a_size_that_does_not_divide_is_refused():
    with pytest.raises(ValueError, match="no multiple"):
        made_small(torch.zeros(1, 1, 10, 10), 4)


def test_a_flat_image_is_enlarged_to_a_flat_one():
    torch.testing.assert_close(enlarged_smoothly(torch.full((1, 1, 4, 4), 0.3), 16), torch.full((1, 1, 16, 16), 0.3))


@settings(max_examples=20)
@given(seed=st.integers(0, 2**16), crop=st.sampled_from([4, 8, 16]))
def test_residual_and_guide_give_the_image_again(seed, crop):
    """Parts are cut at the same place of both, so their sum is that part of the image."""
    large = images(3, 16, seed)
    residual, guide = DetailPairs(4, 0.2, 0.1, crop)(large, np.random.default_rng(seed))
    assert residual.shape == guide.shape == (3, 1, crop, crop)
    again = guide + 0.2 * residual
    for image, part in zip(large, again, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(image[0], (crop, crop))
        assert np.abs(windows - part[0]).max((2, 3)).min() < 1e-5


def test_doubt_changes_what_the_network_is_told_and_none_does_not():
    large, rng = images(2, 16), np.random.default_rng
    trusted = DetailPairs(4, 0.2, 0.0, 16)(large, rng(1))[1]
    np.testing.assert_allclose(trusted, enlarged_smoothly(made_small(torch.from_numpy(large), 4), 16), atol=1e-6)
    assert np.abs(DetailPairs(4, 0.2, 0.5, 16)(large, rng(1))[1] - trusted).max() > 0.05


def test_the_network_hears_the_small_image():
    network = build_detail_unet(SIZE, seed=0)
    with torch.no_grad():  # MONAI's last layer begins with zeros
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn(weight.shape, generator=torch.Generator().manual_seed(weight.numel())))
    x, time = torch.zeros(1, 1, 8, 8), torch.zeros(1)
    told = [network(x, time, torch.full((1, 1, 8, 8), value)) for value in (0.0, 0.5)]
    assert (told[0] - told[1]).abs().max() > 1e-4


def test_a_network_that_attends_is_refused():
    with pytest.raises(ValueError, match="attends"):
        build_detail_unet(UNetSize((8, 16), (False, True), 1, 4), seed=0)


class Knows(torch.nn.Module):
    """The perfect network where every residual is a known image: D = r, so F = (r - c_skip x) / c_out."""

    def __init__(self, residual: torch.Tensor) -> None:
        super().__init__()
        self.residual, self.told = residual, []

    def forward(self, x, time, class_labels):
        self.told.append(class_labels)
        sigma = (time.double() / 250).exp().view(-1, 1, 1, 1)
        total = sigma**2 + SIGMA_DATA**2
        x = x.double() * total.sqrt()  # c_in undone
        c_out = sigma * SIGMA_DATA / total.sqrt()
        return ((self.residual.double() - SIGMA_DATA**2 / total * x) / c_out).float()


def test_drawing_with_a_perfect_network_gives_the_large_image():
    large = torch.from_numpy(images(2, 16))
    small = made_small(large, 4)
    guide = enlarged_smoothly(small, 16)
    network = Knows((large - guide) / 0.2)
    fresh = ImageNoise([1, 2], (1, 16, 16))
    found = with_detail(network, small, fresh, size=16, scale=0.2, steps=6)
    torch.testing.assert_close(found.float(), large, atol=1e-4, rtol=0)
    assert len(network.told) == 6
    assert all(torch.equal(told, guide) for told in network.told)
