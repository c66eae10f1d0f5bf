"""The noise of privacy: how it is put together, added and rounded. Its law: test_private_draws.py."""

import itertools
import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import Tensor

from medsyngen.privacy.noise import CHUNK, add_gaussian_noise
from medsyngen.privacy.training_state import TrainingState
from medsyngen.randomness import SecureStream, secure_generator

KEY = bytes(range(32))


def zeros(*shape: int) -> Tensor:
    return torch.zeros(shape, dtype=torch.float64)


def test_noise_has_the_standard_deviation_asked_for_on_every_entry():
    total = torch.linspace(-5, 5, 200_000, dtype=torch.float64)
    noise = add_gaussian_noise(total, 3.0, secure_generator()) - total
    assert abs(noise.mean().item()) < 7 * 3 / np.sqrt(len(total))
    assert noise.std().item() == pytest.approx(3.0, rel=0.02)
    assert bool((noise != 0).all())


def test_two_calls_draw_different_noise():
    """Pitfall: a noise buffer that is used again."""
    stream, total = secure_generator(), zeros(100)
    first = add_gaussian_noise(total, 1.0, stream)
    assert not bool((first == add_gaussian_noise(total, 1.0, stream)).any())


def sum_of_four(n: int, stream: SecureStream, std: float) -> np.ndarray:
    """The definition, written out: four Gaussians a value, each of its own pair."""
    parts = []
    for start in range(0, n, CHUNK):
        count = min(CHUNK, n - start)
        n1, n2, n3, n4 = (stream.normal(count) for _ in range(4))
        parts.append(std * (n1 + n2 + n3 + n4) / 2)
    return np.concatenate(parts)


@pytest.mark.parametrize("n", [1, 5, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7])
def test_a_noise_value_is_half_the_sum_of_four_gaussians(n: int):
    expected = sum_of_four(n, SecureStream(KEY), 0.7)
    np.testing.assert_allclose(add_gaussian_noise(zeros(n), 0.7, SecureStream(KEY)), expected, rtol=1e-13, atol=1e-15)


def test_no_value_holds_two_gaussians_of_one_pair(monkeypatch):
    """Cosine and sine of one angle in a sum are one Gaussian again: cos t + sin t = sqrt 2 cos(t - pi/4)."""
    pairs, calls = itertools.count(), []

    def numbered(self, count):
        half = (count + 1) // 2
        names = [next(pairs) for _ in range(half)]
        calls.append(np.array((names + names)[:count], dtype=float))
        return calls[-1].copy()

    monkeypatch.setattr(SecureStream, "normal", numbered)
    n = 999
    add_gaussian_noise(zeros(n), 1.0, secure_generator())
    used = np.stack(calls)
    assert used.shape == (4, n)
    assert all(len(set(column)) == 4 for column in used.T)


@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, CHUNK)])
def test_the_shape_stays_and_the_sum_is_left_alone(shape):
    total = zeros(*shape)
    noised = add_gaussian_noise(total, 1.0, secure_generator())
    assert noised.shape == total.shape
    assert noised.dtype == torch.float64
    assert not bool(total.any())
    turned = torch.arange(6, dtype=torch.float64).reshape(2, 3).T * 1e9  # not contiguous
    assert torch.equal((add_gaussian_noise(turned, 1e-3, secure_generator()) / 1e9).round(), turned / 1e9)


def lost(add) -> list[int]:
    """Entries where sum plus noise is further from exact than one rounding to float64; both in exact fractions."""
    total = 1 + torch.arange(200, dtype=torch.float64) * 2.0**-45
    noise = add(zeros(200), 1.0, SecureStream(KEY))
    noised = add(total, 1.0, SecureStream(KEY))
    triples = zip(noised.tolist(), total.tolist(), noise.tolist(), strict=True)
    exact = [(Fraction(got), Fraction(a) + Fraction(b)) for got, a, b in triples]
    return [i for i, (got, want) in enumerate(exact) if abs(got - want) > abs(want) / 2**53]


def mutant_rounds_the_sum(total: Tensor, std: float, stream: SecureStream) -> Tensor:
    return add_gaussian_noise(total.float().double(), std, stream)


def mutant_adds_in_float32(total: Tensor, std: float, stream: SecureStream) -> Tensor:
    noise = add_gaussian_noise(torch.zeros_like(total), std, stream)
    return (total.float() + noise.float()).double()


def test_sum_and_noise_are_added_in_float64():
    assert lost(add_gaussian_noise) == []
    assert lost(mutant_rounds_the_sum)
    assert lost(mutant_adds_in_float32)


def test_the_noised_sum_is_rounded_once_on_its_way_to_the_optimiser():
    noised = add_gaussian_noise(zeros(500), 1.0, secure_generator())
    state = TrainingState(torch.zeros(500), learning_rate=0.1, betas=(0.9, 0.99), ema_decay=0.9)
    state.update(noised)
    rounded = torch.from_numpy(noised.numpy().astype(np.float32))
    assert torch.equal(state.adam.first, torch.zeros(500).lerp(rounded, 1 - 0.9))


def test_ten_million_entries_need_little_memory_beside_the_result():
    total = zeros(10_000_000)
    tracemalloc.start()  # counts NumPy's arrays and bytes: the whole of the noise
    add_gaussian_noise(total, 1.0, secure_generator())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6


def test_rounded_sums_and_missing_noise_are_refused():
    with pytest.raises(ValueError, match="float64"):
        add_gaussian_noise(torch.zeros(2), 1.0, secure_generator())
    for std in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="positive"):
            add_gaussian_noise(zeros(2), std, secure_generator())
