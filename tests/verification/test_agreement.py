"""When a stated figure agrees with the one that was computed again."""

from __future__ import annotations

import math

import pytest

from medsyngen.verification.curves import agree, gaussian_delta
from medsyngen.verification.epsilon_check import _held
from medsyngen.verification.findings import FAILS


@pytest.mark.parametrize("small", [0.0, 1e-9])
def test_an_infinite_loss_agrees_with_no_finite_promise(small):
    """Else a release with almost no noise could state any epsilon."""
    assert not agree(8.0, math.inf, share=0.01, small=small)
    assert not agree(math.inf, 8.0, share=0.01, small=small)
    assert agree(math.inf, math.inf, share=0.01, small=small)
    assert agree(8.0, 8.05, share=0.01, small=small)
    assert not agree(8.0, 8.1, share=0.01, small=small)


@pytest.mark.parametrize(("mu", "epsilon", "exact"), [(5.0, 30.0, 1.31e-4), (4.0, 28.0, 1.2e-7)])
def test_large_epsilons_keep_their_digits(mu, epsilon, exact):
    assert gaussian_delta(mu, epsilon) == pytest.approx(exact, rel=0.05)


def test_almost_no_noise_does_not_hold_as_a_small_epsilon():
    """One charged step with sigma_DP = 0.03 has no finite loss on the verifier's grid."""
    (found,) = _held({(1.0, 0.03): 1}, 8.0, 1e-5, "of this run", with_library=False)
    assert found.verdict == FAILS
