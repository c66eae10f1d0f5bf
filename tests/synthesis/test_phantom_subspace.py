"""Directions spanned by phantoms: orthonormal, public, and those in which single phantoms pull."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_generators import TINY

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import build_unet
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.privacy.patient_gradients import gradients_by_vmap
from medsyngen.randomness import Streams
from medsyngen.synthesis.context_loss import ContextLoss
from medsyngen.synthesis.phantom_draws import PhantomDraws
from medsyngen.synthesis.phantom_subspace import PhantomSubspace, orthonormal

MIX = PhantomMix((("chest_radiograph", 1.0),))


@pytest.fixture(scope="module")
def weights():
    net = build_unet(TINY, image_channels=1, class_rows=3, seed=0)
    generator = torch.Generator().manual_seed(0)
    return {n: v.detach() + 0.05 * torch.randn(v.shape, generator=generator) for n, v in net.named_parameters()}


def subspace(size=6, seed=0, micro_batch=4, shares=(0.5, 0.5, 0.1)):
    net = build_unet(TINY, image_channels=1, class_rows=3, seed=0).eval().requires_grad_(False)
    loss = ContextLoss(net, StageBands().split(64)[1], NoiseLaw(0.0, 1.2), 2, 2)
    draw = lambda count, rng: MIX.draw(count, 8, rng)  # noqa: E731
    drawn = PhantomDraws(draw, (shares,), Streams(seed), torch.device("cpu"))
    return PhantomSubspace(size, loss, drawn, micro_batch)


@given(st.integers(1, 8), st.integers(8, 40), st.integers(0, 999), st.floats(1e-8, 1e8))
@settings(max_examples=40, deadline=None)
def test_a_basis_is_orthonormal_and_spans_its_rows_whatever_their_length(rows, width, seed, scale):
    rng = np.random.default_rng(seed)
    lengths = np.exp(rng.uniform(-3, 3, (rows, 1)))
    found = torch.from_numpy((scale * lengths * rng.standard_normal((rows, width))).astype(np.float32))
    basis = orthonormal(found)
    assert basis.shape == (width, rows)
    torch.testing.assert_close(basis.T @ basis, torch.eye(rows), atol=2e-4, rtol=0)
    torch.testing.assert_close(found @ basis @ basis.T, found, atol=1e-3 * float(found.abs().max()), rtol=0)


def test_rows_that_depend_on_one_another_give_fewer_directions():
    row = torch.randn(1, 30, generator=torch.Generator().manual_seed(0))
    other = torch.randn(1, 30, generator=torch.Generator().manual_seed(1))
    basis = orthonormal(torch.cat([row, -3 * row, row + 2 * other, torch.zeros(1, 30)]))
    assert basis.shape == (30, 2)
    torch.testing.assert_close(basis.T @ basis, torch.eye(2), atol=1e-5, rtol=0)


def test_directions_are_decided_by_seed_step_and_weights(weights):
    one = subspace()(3, weights)
    assert one.shape == (sum(v.numel() for v in weights.values()), 6)
    assert torch.equal(one, subspace()(3, weights))
    for other in (subspace()(4, weights), subspace(seed=1)(3, weights)):
        assert (one.T @ other).abs().max() < 0.999
    moved = {name: value + 0.1 for name, value in weights.items()}
    assert (one.T @ subspace()(3, moved)).abs().max() < 0.999


def test_each_direction_is_a_phantoms_gradient_as_autograd_takes_it(weights, monkeypatch):
    space = subspace(size=5, micro_batch=2)
    rows = space.gradients(0, weights)
    assert rows.shape == (5, sum(v.numel() for v in weights.values()))
    drawn = _span(space)
    assert drawn["y"].shape == (5, 2, 1, 8, 8)  # one scan's draws
    torch.testing.assert_close(rows, gradients_by_vmap(space.loss, weights, drawn), rtol=1e-4, atol=1e-6)
    assert bool(((drawn["sigma"] >= space.loss.band.low) & (drawn["sigma"] < space.loss.band.high)).all())


def test_classes_get_directions_of_their_own(weights):
    """With no phantom of a class its embedding could never move."""
    embedding = next(name for name in weights if "class" in name)
    at = dict(zip(weights, np.cumsum([0, *(v.numel() for v in weights.values())]), strict=False))[embedding]
    rows = weights[embedding].shape[0]
    width = weights[embedding].numel() // rows

    def norms(shares):
        basis = subspace(size=24, shares=shares)(0, weights)
        return [basis[at + i * width : at + (i + 1) * width].norm().item() for i in range(rows)]

    assert min(norms((0.4, 0.4, 0.2))) > 1e-4
    assert norms((1.0, 0.0, 0.0))[1] == 0.0


def test_class_directions_move_classes_alone_and_the_others_everything_else(weights):
    basis = replace(subspace(size=6), of_classes=3)(0, weights)
    assert basis.shape[1] == 9
    torch.testing.assert_close(basis.T @ basis, torch.eye(9), atol=2e-4, rtol=0)
    of = torch.cat([torch.full((v.numel(),), "class_embedding" in name) for name, v in weights.items()])
    shares = basis[of].square().sum(0)  # of each direction that lies among class embeddings
    assert sorted(shares.tolist()) == pytest.approx([0] * 6 + [1] * 3, abs=1e-4)
    rows = subspace(size=6).gradients(0, weights)
    both = torch.cat([rows.where(~of, 0.0), rows[:3].where(of, 0.0)])
    torch.testing.assert_close(both @ basis @ basis.T, both, atol=1e-3 * float(both.abs().max()), rtol=0)


def test_each_attribute_gets_directions_of_its_own():
    net = build_unet(TINY, image_channels=1, class_rows=(3, 2), seed=0).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    at = {n: v.detach() + 0.05 * torch.randn(v.shape, generator=generator) for n, v in net.named_parameters()}
    loss = ContextLoss(net, StageBands().split(64)[1], NoiseLaw(0.0, 1.2), 2, 2)
    space = subspace(size=24)
    space = replace(space, loss=loss, drawn=replace(space.drawn, shares=((0.5, 0.5, 0.1), (0.9, 0.1))))
    rows = _span(space)["classes"][:, 0]
    assert rows.shape == (24, 2)
    assert set(rows[:, 0].tolist()) == {0, 1, 2}
    assert set(rows[:, 1].tolist()) == {3, 4}
    assert torch.equal(rows[:, 0], _span(subspace(size=24))["classes"][:, 0])  # another attribute moves nothing
    start = [v.numel() for v in at.values()][: list(at).index("class_embedding.table.weight")]
    table = at["class_embedding.table.weight"]
    found = space.gradients(0, at)[:, sum(start) : sum(start) + table.numel()].view(24, *table.shape)
    met = torch.zeros(24, 5, dtype=torch.bool).scatter(1, rows, True)
    assert torch.equal(found.abs().sum(2) > 0, met)


def _span(space):
    """What a step's directions are computed from."""
    loss = space.loss
    return space.drawn("span", 0, count=space.size, draws=2, law=loss.law, bands=[loss.band])
