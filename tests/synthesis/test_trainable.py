"""Which weights private training may change, and what they are put together to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_generators import TINY, weights
from torch import nn

from medsyngen.diffusion.unet import UNetSize, build_unet, untrained_weights
from medsyngen.synthesis.trainable import TRAINABLE, first_values, merged, network_weights

WHOLE = weights(1, 2)
SEVERAL = weights(1, 2, 3)


def first(kind, of=WHOLE, rank=2, seed=0):
    return first_values(of, kind, rank=rank, seed=seed)


def moved(trained, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: value + torch.randn(value.shape, generator=generator) for name, value in trained.items()}


@pytest.mark.parametrize(("kind", "count"), [("all", 453_985), ("norms", 10_049), ("lora", 56_180)])
def test_the_default_network_has_as_many_trained_numbers_as_the_docstring_says(kind, count):
    trained = first(kind, untrained_weights(UNetSize(), 3, seed=0), rank=4)
    assert sum(value.numel() for value in trained.values()) == count


@pytest.mark.parametrize("rows", [3, (3, 4)])
def test_norms_are_scales_shifts_biases_and_embeddings_by_the_modules_own_word(rows):
    network = build_unet(TINY, image_channels=1, class_rows=rows, seed=0)
    expected = set()
    for name, module in network.named_modules():
        whole = isinstance(module, nn.GroupNorm | nn.Embedding) or name.startswith("time_embed.")
        for kind, _ in module.named_parameters(recurse=False):
            expected |= {f"{name}.{kind}"} if whole or kind == "bias" else set()
    assert set(first("norms", dict(network.named_parameters()))) == expected


@pytest.mark.parametrize("of", [WHOLE, SEVERAL])
@pytest.mark.parametrize("kind", TRAINABLE)
def test_at_first_nothing_has_changed_and_class_rows_are_trained_whatever_the_part(kind, of):
    trained = first(kind, of)
    assert sum(name.startswith("class_embedding.") for name in trained) == 1
    start = merged(of, trained)
    assert list(start) == list(of)
    assert all(torch.equal(start[name], value) for name, value in of.items())


@pytest.mark.parametrize("kind", TRAINABLE)
def test_what_is_not_trained_stays_the_same_bits_and_all_else_moves(kind):
    trained = moved(first(kind))
    end = merged(WHOLE, trained)
    may_change = set(network_weights(WHOLE, trained))
    for name, value in WHOLE.items():
        assert (end[name] is value) == (name not in may_change)
        assert torch.equal(end[name], value) == (name not in may_change)
        assert end[name].shape == value.shape
    assert (may_change == set(WHOLE)) == (kind == "all")


@given(st.integers(1, 6), st.integers(0, 9))
@settings(max_examples=12, deadline=None)
def test_additions_are_of_the_rank_asked_for_and_fewer_numbers_than_their_weight(rank, seed):
    trained = moved(first("lora", rank=rank), seed)
    end = merged(WHOLE, trained)
    added = [name for name in WHOLE if name + ".lora_B" in trained]
    assert added
    for name in added:
        change = (end[name] - WHOLE[name]).double().flatten(1)
        assert int(torch.linalg.matrix_rank(change, rtol=1e-5)) == rank
        assert sum(trained[name + end_].numel() for end_ in (".lora_A", ".lora_B")) < WHOLE[name].numel()
    for name, value in WHOLE.items():  # every kernel and matrix takes part in one way or the other
        assert (name in added) + (name in trained) == int(value.ndim > 1)


def test_factors_a_come_from_the_public_seed_and_have_rows_of_about_unit_length():
    of = untrained_weights(UNetSize(), 3, seed=0)
    one, same, other = first("lora", of, 4), first("lora", of, 4), first("lora", of, 4, seed=1)
    factors = [name for name in one if name.endswith(".lora_A")]
    for name in factors:
        assert torch.equal(one[name], same[name])
        assert not torch.equal(one[name], other[name])
    lengths = torch.cat([one[name].norm(dim=1) for name in factors])
    assert float(lengths.mean()) == pytest.approx(1.0, abs=0.03)
    assert len({tuple(one[name][0, :9].tolist()) for name in factors}) == len(factors)


def test_a_trained_value_of_no_weight_is_refused():
    for wrong in ({"nothing": torch.zeros(1)}, {"conv_in.conv.weight.lora_A": torch.zeros(2, 9)}):
        with pytest.raises(ValueError, match="belongs to no weight"):
            merged(WHOLE, wrong)


@pytest.mark.parametrize("of", [WHOLE, SEVERAL])
@pytest.mark.parametrize("kind", TRAINABLE)
def test_class_rows_alone_are_gained_and_begin_as_they_were(kind, of):
    plain, gained = first(kind, of), first_values(of, kind, rank=2, seed=0, class_gain=20.0)
    (name,) = set(plain) - set(gained)
    (other,) = set(gained) - set(plain)
    assert name.startswith("class_embedding.")
    assert other == f"{name}.gained"
    assert all(torch.equal(merged(of, gained, 20.0)[each], value) for each, value in of.items())
    end = merged(of, {**gained, other: torch.ones_like(of[name])}, 20.0)
    assert torch.equal(end[name], of[name] + 20)
    assert list(end) == list(of)
