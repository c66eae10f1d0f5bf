"""Blocks folded into channels: nothing is lost, neighbours stay together, and networks keep their names."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from medsyngen.diffusion.folding import fold, unfold
from medsyngen.diffusion.unet import UNetSize, build_unet, check_image_size, unet_for
from medsyngen.errors import UsageError

SIZE = UNetSize((8, 8), (False, True), norm_groups=4, head_channels=8, patch=2)


@pytest.mark.parametrize(("shape", "patch"), [((2, 1, 6, 4), 2), ((3, 2, 4, 6, 8), 2), ((1, 2, 3, 6, 9), 3)])
def test_unfolding_is_the_inverse(shape, patch):
    x = torch.arange(torch.Size(shape).numel(), dtype=torch.float32).view(shape)
    folded = fold(x, patch)
    dims = len(shape) - 2
    assert folded.shape == (shape[0], shape[1] * patch**dims, *(side // patch for side in shape[2:]))
    assert (unfold(folded, patch) == x).all()


def test_pictures_are_folded_as_torch_folds_them():
    x = torch.randn(2, 3, 8, 6)
    assert (fold(x, 2) == functional.pixel_unshuffle(x, 2)).all()


def test_a_channel_holds_one_corner_of_every_block():
    x = torch.randn(1, 2, 4, 4, 4)
    assert (fold(x, 2)[:, 0] == x[:, 0, ::2, ::2, ::2]).all()
    assert (fold(x, 2)[:, 8 + 1] == x[:, 1, ::2, ::2, 1::2]).all()


def test_networks_of_blocks_have_the_names_and_shapes_of_others():
    network = unet_for(SIZE, (2, 8, 12, 8), class_rows=1, seed=0)
    plain = build_unet(
        UNetSize((8, 8), (False, True), 1, 4, 8), image_channels=16, class_rows=1, spatial_dims=3, seed=0
    )
    assert [name for name, _ in network.named_parameters()] == [name for name, _ in plain.named_parameters()]
    x, time, rows = torch.randn(2, 2, 8, 12, 8), torch.ones(2), torch.zeros(2, dtype=torch.int64)
    torch.nn.init.normal_(network.out[-1].conv.weight, generator=torch.Generator().manual_seed(0))
    plain.load_state_dict(network.state_dict())
    expected = unfold(plain(fold(x, 2), time, class_labels=rows), 2)
    assert expected.abs().max() > 0
    assert torch.equal(network(x, time, class_labels=rows), expected)


@pytest.mark.parametrize("images", [(1, 8, 8, 6), (2, 8, 4, 10), 10])
def test_sides_that_blocks_and_levels_do_not_divide_are_refused(images):
    with pytest.raises(UsageError) as caught:
        check_image_size(SIZE, images)
    assert "multiple of 4" in caught.value.do
    check_image_size(SIZE, (2, 8, 12, 4))
