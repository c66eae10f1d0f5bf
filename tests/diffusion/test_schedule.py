import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.diffusion.bands import NoiseBand
from medsyngen.diffusion.schedule import NoiseLaw, karras_steps


@given(st.floats(-3, 2), st.floats(0.5, 3), st.integers(0, 10_000))
def test_levels_never_leave_their_band(mean: float, std: float, seed: int):
    u = torch.from_numpy(np.random.default_rng(seed).random(200))
    u[0], u[1] = 0.0, 1 - 2**-53
    band = NoiseBand("context", 0.05, 8.0)
    sigma = NoiseLaw(mean, std).in_band(u, band)
    assert sigma.dtype == torch.float64
    assert bool(((sigma >= 0.05 * (1 - 1e-9)) & (sigma <= 8.0 * (1 + 1e-9))).all())


def test_levels_follow_the_truncated_gaussian():
    u = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000
    logs = NoiseLaw(-1.2, 1.2).levels(u, 1e-9, 1e9).log()
    assert logs.mean().item() == pytest.approx(-1.2, abs=1e-3)
    assert logs.std().item() == pytest.approx(1.2, abs=2e-3)


def test_a_law_without_mass_in_the_band_is_refused():
    with pytest.raises(ValueError, match="no mass"):
        NoiseLaw(-20.0, 0.1).levels(torch.rand(3), 1.0, 2.0)


def test_karras_steps_against_the_formula():
    steps = karras_steps(18, 0.002, 80.0)
    assert steps.shape == (19,)
    assert steps[0].item() == pytest.approx(80)
    assert steps[-2].item() == pytest.approx(0.002)
    assert steps[-1].item() == 0
    i = 5
    expected = (80 ** (1 / 7) + i / 17 * (0.002 ** (1 / 7) - 80 ** (1 / 7))) ** 7
    assert steps[i].item() == pytest.approx(expected)
    assert bool((steps[1:] < steps[:-1]).all())
