import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.diffusion.bands import PUBLIC_BANDS, NoiseBand, StageBands, private_bands


def test_published_edges_at_28_pixels():
    coarse, context, cleaning = StageBands().split(28 * 28)
    assert context.low == pytest.approx(math.exp(-3))
    assert context.high == pytest.approx(math.exp(2))
    assert coarse.high == pytest.approx(80)
    assert cleaning.low == 0.002


@given(st.integers(8, 512))
def test_bands_meet_and_the_context_edge_moves_with_the_side(side: int):
    coarse, context, cleaning = StageBands().split(side * side)
    assert cleaning.high == context.low
    assert context.high == coarse.low
    assert math.log(context.high) == pytest.approx(2 + math.log(side / 28))
    for sigma in (0.002, 0.04, 1.0, context.high, 79.9):
        assert sum(sigma in band for band in (coarse, context, cleaning)) == 1


def test_edges_in_the_wrong_order_are_refused():
    with pytest.raises(ValueError, match="cleaning_edge < context_edge"):
        StageBands(cleaning_edge=3, context_edge=2)
    with pytest.raises(ValueError, match="no room"):
        StageBands(context_edge=5.0).split(28 * 28)
    with pytest.raises(ValueError, match="low < high"):
        NoiseBand("x", 2, 1)


@given(st.integers(8, 512), st.sampled_from(sorted(PUBLIC_BANDS)))
def test_phantoms_and_scans_share_all_noise_levels_without_gap_or_overlap(side: int, public_bands: str):
    stages = StageBands().stages(side * side, public_bands)
    assert stages[0][0].high > StageBands().sigma_max(side * side)
    assert stages[-1][0].low == StageBands().sigma_min
    assert all(above.low == below.high for (above, _), (below, _) in itertools.pairwise(stages))
    assert {band.name for band, public in stages if public} == PUBLIC_BANDS[public_bands]
    private = [band for band, public in stages if not public]
    assert bool(private) == bool(private_bands(public_bands)) == (public_bands != "all")
    assert private in ([], [StageBands().private_band(side * side, public_bands)] if private else [])
    assert all(StageBands().split(side * side)[1].low in band for band in private)


def test_names_of_joined_bands():
    names = {key: StageBands().private_band(784, key).name for key in PUBLIC_BANDS if private_bands(key)}
    assert names == {
        "both": "context",
        "coarse": "context and cleaning",
        "cleaning": "coarse and context",
        "none": "coarse and context and cleaning",
    }


def test_where_phantoms_serve_every_band_there_is_no_private_one():
    with pytest.raises(ValueError, match="there is no private one"):
        StageBands().private_band(784, "all")
