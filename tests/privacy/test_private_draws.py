"""The law of the released noise: Gaussian to the tails, independent, never twice the same.

The draws come from the operating system's entropy, so every run is a new experiment. Each check allows 7 standard
deviations, or a probability of 1e-11; together they raise a false alarm in fewer than one of 10^9 runs.
"""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from scipy.stats import binom

from medsyngen.privacy.noise import CHUNK, add_gaussian_noise
from medsyngen.randomness import SecureStream, secure_generator

N = 1 << 22
Z = 7.0  # two-sided: 2.6e-12
RARE = 1e-11
LAGS = (1, 2, 3, 4096, 8192, 16384, CHUNK // 2, CHUNK, N // 2)
"""Neighbours; the partner of a pair, of a block, of a chunk; half of everything."""


def noise(n: int, stream: SecureStream, std: float = 1.0) -> np.ndarray:
    """What a step adds, in units of its standard deviation."""
    return (add_gaussian_noise(torch.zeros(n, dtype=torch.float64), std, stream) / std).numpy()


def moment_problems(x: np.ndarray) -> list[str]:
    found, power = [], np.ones_like(x)
    for k, (mean, variance) in enumerate([(0, 1), (1, 2), (0, 15), (3, 96)], start=1):  # of x^k
        power *= x
        off = (power.mean() - mean) / math.sqrt(variance / len(x))
        if abs(off) > Z:
            found.append(f"moment {k} is off by {off:.1f} standard deviations")
    return found


def tail_problems(x: np.ndarray) -> list[str]:
    """Counts beyond 3, 4 and 5 sigma on either side against the exact binomial."""
    found = []
    for sigma in (3, 4, 5):
        p = float(ndtr(-sigma))
        for side, count in (("above", int((x > sigma).sum())), ("below", int((x < -sigma).sum()))):
            law = binom(len(x), p)
            if min(law.cdf(count), law.sf(count - 1)) < RARE:
                found.append(f"{count} values {side} {sigma} sigma, {len(x) * p:.1f} expected")
    return found


def distance_problems(x: np.ndarray) -> list[str]:
    """Kolmogorov-Smirnov: sqrt(n) D exceeds t with probability 2 exp(-2 t^2)."""
    law = ndtr(np.sort(x))
    grid = np.arange(len(x) + 1) / len(x)
    distance = max((grid[1:] - law).max(), (law - grid[:-1]).max())
    bound = math.sqrt(math.log(2 / RARE) / 2)
    return [f"distance {distance:.2g}"] if distance * math.sqrt(len(x)) > bound else []


def dependence(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of the values and of their squares, in standard deviations; the larger."""
    n = math.sqrt(len(a))
    return max(abs((a * b).mean()) * n, abs(((a**2 - 1) * (b**2 - 1)).mean()) * n / 2)


def neighbour_problems(x: np.ndarray) -> list[str]:
    lags = [lag for lag in LAGS if lag < len(x)]
    return [f"values {lag} apart depend" for lag in (*lags, len(x) // 2) if dependence(x[:-lag], x[lag:]) > Z]


def problems(x: np.ndarray) -> list[str]:
    return moment_problems(x) + tail_problems(x) + distance_problems(x) + neighbour_problems(x)


def test_the_released_noise_is_gaussian_and_its_values_independent():
    assert problems(noise(N, secure_generator(), std=3.7)) == []


RNG = np.random.Generator(np.random.PCG64(1))
n_ = 1 << 20
MUTANTS = {
    "three of four terms": lambda: RNG.standard_normal((3, n_)).sum(0) / 2,
    "one term four times": lambda: 2 * RNG.standard_normal(n_),
    "divided by four": lambda: RNG.standard_normal((4, n_)).sum(0) / 4,
    "one percent too small": lambda: 0.99 * RNG.standard_normal(n_),
    "twelve uniforms": lambda: RNG.random((12, n_), dtype=np.float32).sum(0, dtype=np.float64) - 6,
    "tails cut at 4": lambda: np.clip(RNG.standard_normal(n_), -4, 4),
    "heavy tails": lambda: RNG.standard_t(30, n_) * math.sqrt(28 / 30),
    "a buffer used twice": lambda: np.tile(RNG.standard_normal(n_ // 2), 2),
    "a pair's radius without its angle": lambda: (
        np.repeat(np.abs(RNG.standard_normal(n_ // 2)), 2) * RNG.choice([-1.0, 1.0], n_)
    ),
    "a counter that overlaps": lambda: np.convolve(RNG.standard_normal(n_ + 3), np.ones(4) / 2, "valid"),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_checks_catch(mutant: str):
    assert problems(MUTANTS[mutant]())


def test_calls_children_and_steps_are_independent():
    n, run, resumed = 1 << 18, secure_generator(), secure_generator()
    stream = run.child(b"step 1").child(b"noise")
    draws = [noise(n, stream), noise(n, stream)]  # two calls
    draws += [noise(n, run.child(b"step 1").child(b"other")), noise(n, run.child(b"step 2").child(b"noise"))]
    draws += [noise(n, run), noise(n, resumed.child(b"step 1").child(b"noise"))]  # the parent; the same step, resumed
    for i, a in enumerate(draws):
        for b in draws[i + 1 :]:
            assert dependence(a, b) < Z  # 30 numbers: false alarms below 1e-10


def repeats(draws: list[np.ndarray]) -> int:
    values = np.concatenate(draws)
    return len(values) - len(np.unique(values))


def test_no_value_comes_twice_across_calls_streams_children_resumes_and_processes():
    """Two of 160 000 float64 values agree by chance in one of 10^6 runs; twice in one of 10^12."""
    n, run = 20_000, secure_generator()
    program = "import sys; from medsyngen.randomness import secure_generator as s; "
    program += f"sys.stdout.buffer.write(s().child(b'step 1').child(b'noise').normal({n}).tobytes())"
    starts = [subprocess.run([sys.executable, "-c", program], capture_output=True, check=True) for _ in range(2)]
    draws = [np.frombuffer(start.stdout) for start in starts]
    step = run.child(b"step 1").child(b"noise")
    draws += [noise(n, step), noise(n, step), noise(n, run.child(b"step 2").child(b"noise")), noise(n, run)]
    resumed = [secure_generator().child(b"step 1").child(b"noise") for _ in range(2)]
    draws += [noise(n, stream) for stream in resumed]
    assert repeats(draws) <= 1
    same_key = noise(n, run.child(b"step 1").child(b"noise"))  # the mutant: a resume with the old key
    assert repeats([*draws, same_key]) >= n
