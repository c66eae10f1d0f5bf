"""What every quick way to per-patient gradients is held against: plain autograd, one patient after the other."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.synthesis.context_loss import ContextLoss

SMALL = UNetSize(channels=(8, 16), attention=(False, True), norm_groups=4, head_channels=8)


class SquareLoss:
    """Mean square of a network's output, for layers one at a time."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def __call__(self, parameters, drawn):
        return (torch.func.functional_call(self.network, dict(parameters), (drawn["x"],)) ** 2).mean()

    def of_each(self, parameters, drawn):
        out = torch.func.functional_call(self.network, dict(parameters), (drawn["x"].flatten(0, 1),))
        return (out**2).view(len(drawn["x"]), -1).mean(1)


def one_by_one(loss, weights: dict[str, Tensor], drawn: dict[str, Tensor]) -> Tensor:
    rows = []
    for slot in range(len(next(iter(drawn.values())))):
        leaves = {name: value.detach().clone().requires_grad_() for name, value in weights.items()}
        loss(leaves, {name: value[slot] for name, value in drawn.items()}).backward()
        rows.append(torch.cat([value.grad.flatten() for value in leaves.values()]))
    return torch.stack(rows)


def assert_equal(got: Tensor, truth: Tensor, rtol: float = 1e-5) -> None:
    error = (got.double() - truth.double()).norm(dim=1) / truth.double().norm(dim=1)
    assert float(error.max()) < rtol


def unet(draws: int, dims: int = 2, side: int = 8) -> tuple[ContextLoss, dict[str, Tensor], dict[str, Tensor]]:
    slots, shape = 4, (1, *[side] * dims)
    generator = torch.Generator().manual_seed(2)
    net = build_unet(SMALL, image_channels=1, class_rows=3, spatial_dims=dims, seed=0).eval()
    weights = {n: p.detach() + 0.05 * torch.randn(p.shape, generator=generator) for n, p in net.named_parameters()}
    drawn = {
        "y": torch.rand((slots, draws, *shape), generator=generator) * 2 - 1,
        "classes": torch.randint(0, 3, (slots, draws), generator=generator),
        "sigma": torch.rand((slots, draws), generator=generator) + 0.1,
        "noise": torch.randn((slots, draws, *shape), generator=generator),
    }
    return ContextLoss(net, StageBands().split(side**dims)[1], NoiseLaw(0.0, 1.2), 1, draws), weights, drawn


def unet_of_attributes(draws: int) -> tuple[ContextLoss, dict[str, Tensor], dict[str, Tensor]]:
    loss, _, drawn = unet(draws)
    generator = torch.Generator().manual_seed(3)
    net = build_unet(SMALL, image_channels=1, class_rows=(3, 4, 2), seed=0).eval()
    weights = {n: p.detach() + 0.05 * torch.randn(p.shape, generator=generator) for n, p in net.named_parameters()}
    rows = [torch.randint(low, high, (4, draws), generator=generator) for low, high in ((0, 3), (3, 7), (7, 9))]
    return ContextLoss(net, loss.band, loss.law, 1, draws), weights, {**drawn, "classes": torch.stack(rows, -1)}
