"""Per-patient gradients where only a part of the network is trained, or low-rank additions to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from one_by_one import SquareLoss, assert_equal, one_by_one, unet, unet_of_attributes
from torch import nn

from medsyngen.privacy import book_keeping, patient_gradients
from medsyngen.privacy.book_keeping import Reparametrised, gradients_by_book_keeping
from medsyngen.privacy.patient_gradients import gradients_by_vmap, per_patient_gradients
from medsyngen.synthesis.context_loss import ReparametrisedLoss
from medsyngen.synthesis.trainable import first_values

KINDS = ("norms", "lora", "gained")


def partly(kind, draws=4, make=unet, rank=2):
    """A trained network whose frozen weights are in the loss, and what is trained, a little beside its start."""
    loss, weights, drawn = make(draws)
    loss.network.load_state_dict(weights)
    loss.network.requires_grad_(False)
    gain = 7.0 if kind == "gained" else 1.0
    if kind != "norms":
        loss = ReparametrisedLoss(*(getattr(loss, name) for name in loss.__dataclass_fields__), gain)
    generator = torch.Generator().manual_seed(5)
    part = "all" if kind == "gained" else kind
    first = first_values(weights, part, rank=rank, seed=0, class_gain=gain)
    return loss, {n: v + 0.05 * torch.randn(v.shape, generator=generator) for n, v in first.items()}, drawn


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("make", [unet, unet_of_attributes])
@pytest.mark.parametrize("draws", [1, 4])
def test_both_ways_equal_one_by_one_autograd(kind, make, draws):
    loss, trained, drawn = partly(kind, draws, make)
    truth = one_by_one(loss, trained, drawn)
    assert truth.shape[1] == sum(value.numel() for value in trained.values())
    assert_equal(gradients_by_book_keeping(loss, trained, drawn), truth)
    assert_equal(gradients_by_vmap(loss, trained, drawn), truth)
    for name, column in zip(trained, truth.abs().sum(0).split([v.numel() for v in trained.values()]), strict=True):
        assert bool(column.any()), name


def test_a_part_is_that_part_of_the_whole():
    loss, weights, drawn = unet(4)
    loss.network.load_state_dict(weights)
    whole = dict(zip(weights, gradients_by_book_keeping(loss, weights, drawn).split(sizes(weights), 1), strict=True))
    for names in (list(weights)[::3], list(weights)[1::2], list(weights)[:1], list(weights)[-1:]):
        part = {name: weights[name] for name in names}
        got = gradients_by_book_keeping(loss, part, drawn)
        assert torch.equal(got, torch.cat([whole[name] for name in names], 1))


def sizes(weights):
    return [value.numel() for value in weights.values()]


@pytest.mark.parametrize("kind", KINDS)
def test_the_quick_way_is_taken_and_forms_what_is_trained_only(kind, monkeypatch):
    booked = set()
    real = book_keeping._Gradients.add
    monkeypatch.setattr(
        book_keeping._Gradients, "add", lambda self, name, value: booked.add(name) or real(self, name, value)
    )
    monkeypatch.setattr(patient_gradients, "gradients_by_vmap", None)
    loss, trained, drawn = partly(kind)
    per_patient_gradients(loss, trained, drawn)
    assert booked == set(trained if kind == "norms" else loss.weights_of(trained))
    whole = set(dict(loss.network.named_parameters()))
    assert booked == whole if kind == "gained" else booked < whole
    assert isinstance(loss, Reparametrised) == (kind != "norms")


@pytest.mark.parametrize("kind", ["all", *KINDS])
def test_gradients_are_those_of_the_prediction_in_either_way(kind):
    loss, trained, drawn = partly(kind)
    edm, loss = one_by_one(loss, trained, drawn), replace(loss, prediction="v")
    truth = one_by_one(loss, trained, drawn)
    assert_equal(gradients_by_book_keeping(loss, trained, drawn), truth)
    assert not torch.allclose(truth, edm, rtol=0.1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_frozen_weight_is_used_as_it_is_in_the_network(kind):
    loss, trained, drawn = partly(kind)
    block = "middle_block.resnet_1."
    frozen = {"norms": f"{block}conv1.conv.weight", "lora": f"{block}norm1.weight", "gained": "class_embedding.weight"}
    name = frozen[kind]
    before = gradients_by_book_keeping(loss, trained, drawn)
    loss.network.get_parameter(name).mul_(1.5)
    after = gradients_by_book_keeping(loss, trained, drawn)
    assert not torch.allclose(before, after)
    assert_equal(after, one_by_one(loss, trained, drawn))
    assert all(p.grad is None for p in loss.network.parameters())


@pytest.mark.parametrize("kind", KINDS)
def test_a_gradient_is_the_same_to_the_last_bit_in_any_slot_and_company(kind):
    loss, trained, drawn = partly(kind)
    home = per_patient_gradients(loss, trained, drawn)
    for order in ([3, 0, 2, 1], [2, 2, 2, 2], [1, 3, 3, 0]):
        moved = per_patient_gradients(loss, trained, {name: value[order] for name, value in drawn.items()})
        assert torch.equal(moved, home[order])


def test_a_trained_part_that_the_pass_does_not_reach_is_named_though_frozen_ones_are_not():
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.idle, self.frozen = nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(3, 2)

        def forward(self, x):
            return self.used(x)

    network = Unused()
    part = {name: p.detach() for name, p in network.named_parameters() if name in ("used.weight", "idle.bias")}
    with pytest.raises(ValueError, match=r"\['idle\.bias'\]"):
        gradients_by_book_keeping(SquareLoss(network), part, {"x": torch.randn(2, 2, 3)})


@pytest.mark.parametrize("lost", [".lora_A", ".lora_B", "another"])
def test_a_factor_without_its_other_and_a_name_of_nothing_are_refused(lost):
    loss, trained, drawn = partly("lora")
    if lost == "another":
        wrong = {**trained, "another": torch.zeros(2)}
    else:
        first = next(name for name in trained if name.endswith(lost))
        wrong = {name: value for name, value in trained.items() if name != first}
    for way in (gradients_by_book_keeping, gradients_by_vmap):
        with pytest.raises(ValueError, match="belongs to no weight"):
            way(loss, wrong, drawn)


def test_the_oracle_sees_additions_that_are_left_out_of_one_pass():
    """The mutant: the quick way at the frozen weights, as if nothing had been added yet."""

    class Forgets(ReparametrisedLoss):
        def of_each(self, parameters, drawn):
            return super().of_each(dict(self.network.named_parameters()), drawn)

    loss, trained, drawn = partly("lora")
    forgets = Forgets(*(getattr(loss, name) for name in loss.__dataclass_fields__))
    with pytest.raises(AssertionError):
        assert_equal(gradients_by_book_keeping(forgets, trained, drawn), one_by_one(loss, trained, drawn))


def test_another_number_of_draws_leaves_the_kind_of_loss():
    """The audit's cheaper probe is made so."""
    loss, trained, drawn = partly("lora", 4)
    probe = replace(loss, scans_per_patient=1, draws_per_scan=2)
    few = {name: value[:, :2] for name, value in drawn.items()}
    assert_equal(per_patient_gradients(probe, trained, few), one_by_one(loss, trained, few))
