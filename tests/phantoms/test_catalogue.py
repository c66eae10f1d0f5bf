"""Phantoms by name."""

import pytest

from medsyngen.errors import UsageError
from medsyngen.phantoms.catalogue import PHANTOMS, phantom


def test_every_phantom_is_found_under_its_own_name():
    textures = {"dead_leaves", "power_law", "clustered_lumpy", "voronoi", "speckle"}
    assert set(PHANTOMS) >= {"chest_radiograph"} | textures
    assert all(phantom(name).name == name for name in PHANTOMS)


def test_a_slip_of_the_pen_is_met_with_the_name_that_was_meant():
    with pytest.raises(UsageError, match="did you mean 'chest_radiograph'") as caught:
        phantom("chest-radiograph")
    assert all(name in caught.value.do for name in PHANTOMS)


def test_a_name_that_is_near_to_nothing_lists_what_there_is():
    with pytest.raises(UsageError) as caught:
        phantom("zzz")
    assert "did you mean" not in caught.value.what
    assert all(name in caught.value.do for name in PHANTOMS)
