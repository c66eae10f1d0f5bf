"""Book-keeping gives every patient's gradient as one-by-one autograd does, for every layer that it stands for."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from one_by_one import SquareLoss, assert_equal, one_by_one, unet, unet_of_attributes
from torch import nn
from torch.nn import functional

from medsyngen.diffusion.unet import SummedEmbedding
from medsyngen.privacy import patient_gradients
from medsyngen.privacy.book_keeping import BatchedLoss, gradients_by_book_keeping, has_ghosts_for
from medsyngen.privacy.patient_gradients import gradients_by_vmap, per_patient_gradients


class Twice(nn.Module):
    """One layer used twice, on inputs of its own output's size."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return self.layer(self.layer(x).tanh())


LAYERS = {
    "conv": (lambda: nn.Conv2d(3, 5, 3, padding=1), (3, 6, 6)),
    "conv, stride 2, no bias": (lambda: nn.Conv2d(3, 5, 3, stride=2, padding=1, bias=False), (3, 7, 7)),
    "conv, dilated": (lambda: nn.Conv2d(3, 4, 3, dilation=2, padding=2), (3, 8, 8)),
    "conv 1 x 1": (lambda: nn.Conv2d(3, 5, 1), (3, 6, 6)),
    "conv 1-D": (lambda: nn.Conv1d(3, 5, 3, padding=1), (3, 9)),
    "conv 3-D": (lambda: nn.Conv3d(2, 3, 3, padding=1), (2, 4, 4, 4)),
    "linear": (lambda: nn.Linear(7, 4), (7,)),
    "linear on sequences, no bias": (lambda: nn.Linear(7, 4, bias=False), (5, 7)),
    "group norm": (lambda: nn.GroupNorm(2, 6), (6, 5, 5)),
    "group norm, 3-D": (lambda: nn.GroupNorm(3, 6), (6, 3, 3, 2)),
    "used twice": (Twice, (3, 5, 5)),
    "stacked": (
        lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.GroupNorm(2, 4), nn.SiLU(), nn.Conv2d(4, 2, 1)),
        (3, 6, 6),
    ),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("slots_and_draws", [(1, 1), (3, 1), (1, 4), (5, 3)])
def test_every_layer_equals_one_by_one_autograd(name, slots_and_draws):
    build, shape = LAYERS[name]
    generator = torch.Generator().manual_seed(1)
    network = build().double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    drawn = {"x": torch.randn((*slots_and_draws, *shape), generator=generator, dtype=torch.float64)}
    weights = {n: p.detach() for n, p in network.named_parameters()}
    assert has_ghosts_for(network)
    got = gradients_by_book_keeping(SquareLoss(network), weights, drawn)
    torch.testing.assert_close(got, one_by_one(SquareLoss(network), weights, drawn), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("draws", [1, 4, 8, 16])
def test_the_networks_gradients_equal_one_by_one_autograd(draws):
    loss, weights, drawn = unet(draws)
    truth = one_by_one(loss, weights, drawn)
    assert_equal(gradients_by_book_keeping(loss, weights, drawn), truth)
    assert_equal(gradients_by_vmap(loss, weights, drawn), truth)


@pytest.mark.parametrize("draws", [1, 4])
def test_several_attributes_equal_one_by_one_autograd_and_take_the_quick_way(draws):
    loss, weights, drawn = unet_of_attributes(draws)
    assert has_ghosts_for(loss.network)
    assert "class_embedding.table.weight" in weights
    truth = one_by_one(loss, weights, drawn)
    assert_equal(per_patient_gradients(loss, weights, drawn), truth)
    assert_equal(gradients_by_vmap(loss, weights, drawn), truth)


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_any_sum_of_rows_equals_one_by_one_autograd(data):
    """Rows may come twice in an image, in a patient, in all patients, or not at all."""
    slots, draws, attributes, count = (data.draw(st.integers(1, most)) for most in (4, 3, 4, 6))
    of_image = st.lists(st.integers(0, count - 1), min_size=attributes, max_size=attributes)
    rows = data.draw(st.lists(of_image, min_size=slots * draws, max_size=slots * draws))
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    network = nn.Sequential(SummedEmbedding(nn.Embedding(count, 3)), nn.Linear(3, 2)).double()
    weights = {n: torch.randn(p.shape, generator=generator, dtype=torch.float64) for n, p in network.named_parameters()}
    drawn = {"x": torch.tensor(rows).view(slots, draws, attributes)}
    assert has_ghosts_for(network)
    loss = SquareLoss(network)
    got = gradients_by_book_keeping(loss, weights, drawn)
    torch.testing.assert_close(got, one_by_one(loss, weights, drawn), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(got, gradients_by_vmap(loss, weights, drawn), rtol=1e-10, atol=1e-12)
    absent = [row for row in range(count) if not (drawn["x"] == row).any()]
    assert not got[:, : 3 * count].view(slots, count, 3)[:, absent].any()


def test_in_three_dimensions_too():
    loss, weights, drawn = unet(2, dims=3)
    assert_equal(gradients_by_book_keeping(loss, weights, drawn), one_by_one(loss, weights, drawn))


def test_the_rule_takes_the_quick_way_where_it_can(monkeypatch):
    taken = []
    for way in ("gradients_by_book_keeping", "gradients_by_vmap"):
        real = getattr(patient_gradients, way)
        monkeypatch.setattr(
            patient_gradients, way, lambda *words, way=way, real=real: taken.append(way) or real(*words)
        )
    loss, weights, drawn = unet(2)
    assert isinstance(loss, BatchedLoss)
    per_patient_gradients(loss, weights, drawn)
    odd = SquareLoss(nn.Sequential(nn.ConvTranspose2d(1, 2, 3)))
    assert not has_ghosts_for(odd.network)
    x = {"x": torch.randn(3, 2, 1, 4, 4)}
    odd_weights = {n: p.detach() for n, p in odd.network.named_parameters()}
    assert_equal(per_patient_gradients(odd, odd_weights, x), one_by_one(odd, odd_weights, x))
    assert taken == ["gradients_by_book_keeping", "gradients_by_vmap"]


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(4, 4, 3, groups=2),
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 2, 3, padding="same"),
        nn.Embedding(4, 3, padding_idx=0),
        nn.Embedding(4, 3, max_norm=1.0),
        nn.BatchNorm2d(3),
        nn.LayerNorm(3),
        nn.PReLU(),
    ],
    ids=lambda layer: str(layer),
)
def test_what_it_does_not_stand_for_goes_the_other_way(layer):
    assert not has_ghosts_for(nn.Sequential(nn.Linear(3, 3), layer))


def test_a_parameter_that_the_pass_does_not_reach_is_named():
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle = nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return self.used(x)

    network = Unused()
    weights = {n: p.detach() for n, p in network.named_parameters()}
    with pytest.raises(ValueError, match=r"idle\.bias"):
        gradients_by_book_keeping(SquareLoss(network), weights, {"x": torch.randn(2, 2, 3)})


def test_a_weight_used_past_its_layer_is_caught_by_the_oracle():
    """The mutant: a functional use of a weight is invisible to the layer, so its gradient is short of that part."""

    class Past(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x):
            return functional.linear(self.layer(x), self.layer.weight)

    network = Past()
    weights = {n: p.detach() for n, p in network.named_parameters()}
    drawn = {"x": torch.randn(2, 2, 3)}
    loss = SquareLoss(network)
    with pytest.raises(AssertionError):
        assert_equal(gradients_by_book_keeping(loss, weights, drawn), one_by_one(loss, weights, drawn))


def test_the_network_is_left_as_it_was_also_after_a_failure():
    loss, weights, drawn = unet(1)
    before = torch.func.functional_call(
        loss.network, weights, (drawn["y"][:, 0], drawn["sigma"][:, 0]), {"class_labels": drawn["classes"][:, 0]}
    )
    gradients_by_book_keeping(loss, weights, drawn)
    with pytest.raises(RuntimeError):
        gradients_by_book_keeping(loss, weights, {**drawn, "y": drawn["y"][..., :3]})
    after = torch.func.functional_call(
        loss.network, weights, (drawn["y"][:, 0], drawn["sigma"][:, 0]), {"class_labels": drawn["classes"][:, 0]}
    )
    assert torch.equal(before, after)
    assert all("forward" not in vars(layer) for layer in loss.network.modules())
    assert all(parameter.grad is None for parameter in loss.network.parameters())
