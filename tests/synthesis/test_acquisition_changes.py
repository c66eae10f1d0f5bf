"""Pictures taken otherwise: still pictures, still of the same thing, and never twice the same."""

import torch

from medsyngen.synthesis.acquisition_changes import _toned, changed


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_pictures_stay_pictures_and_each_seed_changes_them_otherwise():
    pictures = torch.rand((40, 1, 20, 20), generator=generator()) * 2 - 1
    one, two = changed(pictures, generator(1)), changed(pictures, generator(2))
    assert one.shape == pictures.shape
    assert bool((one.abs() <= 1).all())
    assert bool(one.isfinite().all())
    assert torch.equal(one, changed(pictures, generator(1)))
    assert not torch.equal(one, two)


def test_a_large_bright_spot_stays_where_it_is():
    pictures = torch.full((60, 1, 24, 24), -0.8)
    pictures[..., 4:12, 12:20] = 0.8
    found = changed(pictures, generator(3))
    assert bool((found[..., 6:10, 14:18].mean((1, 2, 3)) > found[..., 16:22, 2:8].mean((1, 2, 3)) + 0.5).all())


def test_a_curve_of_tone_grows_from_black_to_white():
    ramp = torch.linspace(-1, 1, 101).expand(200, 1, 1, 101)
    found = _toned(ramp, generator(4))
    assert bool((found.diff(dim=3) > -1e-6).all())
    torch.testing.assert_close(found[..., 0], ramp[..., 0], rtol=0, atol=1e-3)
    torch.testing.assert_close(found[..., -1], ramp[..., -1], rtol=0, atol=1e-3)
    assert found[:, 0, 0, 50].std() > 0.05
