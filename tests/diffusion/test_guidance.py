"""Guidance: weight 1 is the denoiser itself, 0 the null class, more leads away from it."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.diffusion.guidance import Guided


def by_row(x: torch.Tensor, sigma: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    """A denoiser that draws the sum of its rows."""
    rows = classes if classes.ndim > 1 else classes[:, None]
    return x * 0 + rows.sum(1).to(x.dtype)[:, None, None, None]


X, SIGMA = torch.zeros(3, 1, 2, 2), torch.ones(3)


@given(st.floats(-3, 9))
def test_the_difference_to_the_null_class_is_weighted(weight: float):
    drawn = Guided(by_row, (2,), weight)(X, SIGMA, torch.tensor([0, 1, 2]))
    expected = torch.tensor([2 - 2 * weight, 2 - weight, 2.0])
    torch.testing.assert_close(drawn[:, 0, 0, 0], expected)


def test_with_several_attributes_each_has_its_null():
    rows = torch.tensor([[0, 3], [1, 4], [2, 5]])
    null = Guided(by_row, (2, 5), 0.0)(X, SIGMA, rows)
    assert (null == 7).all()
    assert torch.equal(Guided(by_row, (2, 5), 1.0)(X, SIGMA, rows), by_row(X, SIGMA, rows))
