import numpy as np
import pytest
import torch

from medsyngen.privacy.noise import add_gaussian_noise
from medsyngen.randomness import secure_generator


def test_noise_has_the_standard_deviation_asked_for_on_every_entry():
    total = torch.linspace(-5, 5, 200_000, dtype=torch.float64)
    noise = add_gaussian_noise(total, 3.0, secure_generator()) - total
    assert abs(noise.mean().item()) < 5 * 3 / np.sqrt(len(total))
    assert noise.std().item() == pytest.approx(3.0, rel=0.01)
    assert bool((noise != 0).all())


def test_two_calls_draw_different_noise():
    """Pitfall: a noise buffer that is used again."""
    stream, total = secure_generator(), torch.zeros(100, dtype=torch.float64)
    first = add_gaussian_noise(total, 1.0, stream)
    assert not bool((first == add_gaussian_noise(total, 1.0, stream)).any())


def test_rounded_sums_and_missing_noise_are_refused():
    with pytest.raises(ValueError, match="float64"):
        add_gaussian_noise(torch.zeros(2), 1.0, secure_generator())
    for std in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="positive"):
            add_gaussian_noise(torch.zeros(2, dtype=torch.float64), std, secure_generator())
