"""Speckle: Rayleigh when fully developed, K when scatterers are few, the spread of its logarithm, and the sector."""

import numpy as np
import pytest

from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.textures.speckle import echoes, echogenicity, scan_convert

SPECKLE = phantom("speckle")
PLAIN = {"scatterers": 1.0, "psf_axial": 0.8, "psf_lateral": 1.2}


def columns(count=100, **values):
    return {name: np.full((count, 1, 1), value, np.float32) for name, value in (PLAIN | values).items()}


def envelope(count=100, **values):
    return echoes(columns(count, **values), 64, np.random.default_rng(0))


@pytest.mark.parametrize(("axial", "lateral"), [(0.4, 0.6), (0.8, 1.2), (1.2, 2.5)])
def test_fully_developed_speckle_is_rayleigh(axial, lateral):
    x = envelope(psf_axial=axial, psf_lateral=lateral)
    assert (x**2).mean() == pytest.approx(1, rel=0.02)
    assert x.mean() / x.std() == pytest.approx(1.91, abs=0.03)
    for level in (0.5, 1.0, 1.5):
        assert (x > level).mean() == pytest.approx(np.exp(-(level**2)), abs=0.01)


def test_its_logarithm_spreads_by_5_57_decibels():
    assert (20 * np.log10(envelope() + 1e-9)).std() == pytest.approx(5.57, rel=0.02)


def test_few_scatterers_make_a_longer_tail():
    snr = [(x := envelope(scatterers=share)).mean() / x.std() for share in (1.0, 0.3, 0.1)]
    assert snr[0] > snr[1] + 0.1 > snr[2] + 0.2
    # A share s of pixels holds a complex Gaussian: E I^2 / (E I)^2 = 2 + 2 (1 / s - 1) sum h^4 / (sum h^2)^2; the last
    # factor is 1 / (2 pi width height) for a Gaussian h.
    x = envelope(400, scatterers=0.2) ** 2
    assert (x**2).mean() / x.mean() ** 2 == pytest.approx(2 + 2 * (1 / 0.2 - 1) / (2 * np.pi * 0.8 * 1.2), rel=0.05)


def test_speckles_are_as_wide_as_the_point_spread_function():
    def correlation(axis, **values):
        x = envelope(**values) ** 2
        shifted = np.roll(x, 2, axis=axis)
        return np.corrcoef(x.ravel(), shifted.ravel())[0, 1]

    # Intensity of Gaussian fields: squared correlation of the fields, exp(-d^2 / (2 width^2)).
    assert correlation(2, psf_lateral=1.5) == pytest.approx(np.exp(-4 / (2 * 1.5**2)), abs=0.02)
    assert correlation(1, psf_axial=1.0) == pytest.approx(np.exp(-4 / 2), abs=0.02)


def test_a_lesion_lies_where_it_should_and_depth_attenuates():
    values = {"tissue": 0.0, "tissue_exponent": 3.0, "lesion": -20.0, "lesion_radius": 0.15}
    p = columns(1, **values, lesion_x=0.5, lesion_depth=0.25, attenuation=10.0)
    decibel = echogenicity(p, 40, np.random.default_rng(0))[0]
    row, column = np.unravel_index(decibel.argmin(), decibel.shape)
    assert (row + 0.5) / 40 == pytest.approx(0.25, abs=0.16)
    assert (column + 0.5) / 40 == pytest.approx(0.75, abs=0.16)
    assert decibel[0, 0] - decibel[-1, 0] == pytest.approx(10, rel=0.05)
    area = (decibel - decibel[:, :1] < -10).mean()
    assert area == pytest.approx(np.pi * 0.15**2, rel=0.15)


def sector(image, opening, aperture):
    p = columns(1, opening=opening, aperture=aperture)
    picture, seen = scan_convert(np.asarray(image, np.float32)[None], p)
    return picture[0], seen[0]


AXIS = (np.arange(64) + 0.5) / 64


def test_a_nearly_flat_probe_as_wide_as_the_picture_changes_next_to_nothing():
    depth = np.broadcast_to(AXIS[:, None], (64, 64))
    picture, seen = sector(depth, 0.05, 1.0)
    assert seen.mean() > 0.95
    np.testing.assert_allclose(picture[seen], depth[seen], atol=0.03)
    across = depth.T
    np.testing.assert_allclose(sector(across, 0.05, 1.0)[0][seen], across[seen], atol=0.06)


def test_depth_is_the_distance_from_the_curved_probe_and_direction_the_angle():
    opening, aperture = 0.6, 0.4
    probe = aperture / 2 / np.sin(opening)
    y, x = AXIS[:, None] + probe * np.cos(opening), AXIS[None, :] - 0.5
    depth, angle = np.hypot(x, y) - probe, np.arctan2(x, y)
    picture, seen = sector(np.broadcast_to(AXIS[:, None], (64, 64)), opening, aperture)
    assert (seen == ((depth >= 0) & (depth < 1) & (np.abs(angle) < opening))).mean() > 0.999
    inner = seen & (depth > 0.02) & (depth < 0.98)
    np.testing.assert_allclose(picture[inner], depth[inner], atol=1e-3)
    directions, _ = sector(np.broadcast_to(AXIS[None, :], (64, 64)), opening, aperture)
    inner = seen & (np.abs(angle) < 0.97 * opening)
    np.testing.assert_allclose(directions[inner], ((angle / opening + 1) / 2)[inner], atol=1e-3)


def test_what_lies_outside_is_the_border():
    rng = np.random.default_rng(0)
    parameters = SPECKLE.space.draw(8, rng) | {
        "opening": np.full(8, 0.6),
        "aperture": np.full(8, 0.3),
        "border": np.full(8, -0.95),
    }
    pictures = SPECKLE.render(parameters, 64, rng)[:, 0]
    np.testing.assert_array_equal(pictures[:, 0, :10], np.float32(-0.95))
    assert (pictures[:, 30, 32] != np.float32(-0.95)).all()


def plain(**fixed):
    quiet = {"tissue": 0.0, "attenuation": 0.0, "noise_floor": -45.0, "lesion": 0.0, "scatterers": 1.0}
    flat = {"opening": 0.05, "aperture": 1.3, "level": 0.6, "dynamic_range": 70.0}
    rng = np.random.default_rng(1)
    parameters = SPECKLE.space.draw(30, rng)
    parameters |= {name: np.full(30, value) for name, value in (quiet | flat | fixed).items()}
    return SPECKLE.render(parameters, 64, rng)[:, 0, 8:]


def test_mean_tissue_has_the_grey_of_the_level_and_a_wide_range_is_flat():
    # The mean logarithm of an exponential is minus Euler's constant: -2.51 dB.
    assert plain().mean() == pytest.approx(2 * (0.6 - 2.51 / 70) - 1, abs=0.02)
    assert plain(dynamic_range=40.0).std() > 1.5 * plain().std()


def test_decibels_of_tissue_are_decibels_of_the_picture():
    darker = plain() - plain(attenuation=10.0)
    fall = darker[:, -4:].mean() - darker[:, :4].mean()  # over 52 of 64 rows
    assert fall * 70 / 2 == pytest.approx(10 * 52 / 64, rel=0.1)
