import numpy as np
import pytest

from medsyngen.evaluation.features import lite0_features, lite2_features
from medsyngen.evaluation.fidelity import kernel_distance


@pytest.mark.slow
@pytest.mark.parametrize("features", [lite0_features, lite2_features])
def test_features_load_offline_and_tell_pictures_apart(features, capsys):
    rng = np.random.default_rng(0)
    flat = np.full((6, 1, 32, 32), 0.2, np.float32) + rng.normal(0, 0.02, (6, 1, 32, 32)).astype(np.float32)
    stripes = flat + np.where(np.arange(32) % 8 < 4, 0.6, -0.6).astype(np.float32)
    told = []
    a, b = features(flat, batch=4, progress=lambda *told_: told.append(told_[1:])), features(stripes)
    assert a.shape == (6, 1280)
    assert a.dtype == np.float64
    np.testing.assert_allclose(a, features(flat, batch=1), rtol=1e-3, atol=1e-4)  # whatever is beside it
    assert kernel_distance(a, b) > 10 * abs(kernel_distance(a[:3], a[3:]))
    assert told == [(4, 6), (6, 6)]
    assert capsys.readouterr().out == ""  # stdout belongs to the command's result


@pytest.mark.slow
def test_the_judge_is_another_network():
    pixels = np.random.default_rng(1).uniform(-1, 1, (2, 1, 32, 32)).astype(np.float32)
    assert np.abs(lite0_features(pixels) - lite2_features(pixels)).max() > 0.1
