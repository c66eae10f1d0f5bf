"""The three networks and the closed form, on families so plain that the answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from medsyngen.diffusion import family_gaps as module
from medsyngen.diffusion.band_gaps import divergence_of_spectra, gap_of_spectra
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.family_gaps import LOG_SIGMAS, family_gaps, outer_nats
from medsyngen.diffusion.measured_gaps import SHORT_TRAINING


def noise(mean: float, std: float):
    return lambda count, rng: (mean + std * rng.standard_normal((count, 1, 8, 8))).astype(np.float32)


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(module, "MEASURED_IMAGES", 8)
    monkeypatch.setattr(module, "LOG_SIGMAS", (-2.0, 3.0))
    return replace(SHORT_TRAINING, steps=3, batch_size=4)


def test_all_is_found_on_one_grid_and_repeats(quick):
    told = []
    found, again = (
        family_gaps(
            noise(0.2, 0.3),
            noise(-0.2, 0.3),
            8,
            seed=4,
            training=quick,
            names=("a", "b"),
            progress=lambda *t: told.append(t),
        )
        for _ in range(2)
    )
    assert found.measured == again.measured
    assert found.floor == again.floor
    assert [gap.log_sigma for gap in found.measured] == [gap.log_sigma for gap in found.floor] == [-2.0, 3.0]
    assert found.closed.log_sigma == pytest.approx([-2.0, 3.0])
    # The means are 0.4 apart: 0.16 / 0.25 in the networks' units, less a little at finite sigma.
    assert found.closed.of_network[1] == pytest.approx(0.64, rel=0.02)
    phases = list(dict.fromkeys(phase for phase, *_ in told))
    assert phases == ["network 1 of 3, a", "network 2 of 3, b", "network 3 of 3, a", "measuring"]


def test_the_floor_is_of_another_network_than_the_first(quick):
    found = family_gaps(noise(0.2, 0.3), noise(0.2, 0.3), 8, training=quick)
    assert min(gap.gap for gap in (*found.floor, *found.measured)) > 0
    assert found.floor != found.measured
    assert found.closed.of_network[1] < 0.01


class Level(nn.Module):
    """A network that always answers the same."""

    def __init__(self, level: float) -> None:
        super().__init__()
        self.level = level

    def forward(self, x, time, class_labels):
        return torch.full_like(x, self.level)


def test_the_gap_is_to_the_other_family_and_the_floor_to_the_same(quick, monkeypatch):
    trained = []

    def train(draw, size, *, streams, **options):
        trained.append(float(draw(1, np.random.default_rng(0)).mean()) + 0.01 * len(trained))
        return Level(trained[-1])

    monkeypatch.setattr(module, "train_denoiser", train)
    found = family_gaps(noise(0.2, 1e-3), noise(-0.2, 1e-3), 8, training=quick)
    assert trained == pytest.approx([0.2, -0.19, 0.22], abs=1e-3)
    assert found.measured[0].gap == pytest.approx((trained[1] - trained[0]) ** 2, rel=1e-4)
    assert found.floor[0].gap == pytest.approx((trained[2] - trained[0]) ** 2, rel=1e-3)
    assert found.measured[0].loss == pytest.approx(found.floor[0].loss)


def test_outer_bands_are_parts_of_the_whole_divergence():
    rng = np.random.default_rng(0)
    apart = [rng.normal(0, 0.2, (28, 28)), np.exp(rng.normal(-3, 1, (28, 28)))] * 2
    apart[2] = rng.normal(0, 0.2, (28, 28))
    coarse, cleaning = outer_nats(*apart, 28)
    assert coarse == pytest.approx(divergence_of_spectra(*apart, [math.exp(2)])[0])
    grid = np.linspace(math.log(0.002), -3, 2001)
    assert cleaning == pytest.approx(np.trapezoid(gap_of_spectra(*apart, np.exp(grid)).nats, grid), rel=1e-4)
    lower, wider = outer_nats(*apart, 28, StageBands(cleaning_edge=-2.0, context_edge=1.0))
    assert lower > coarse
    assert wider > cleaning


def test_the_grid_holds_the_published_edges():
    assert {-3.0, 2.0} <= set(LOG_SIGMAS)
