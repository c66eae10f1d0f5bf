"""Which slices of a volume are taken."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.slices import Slices
from medsyngen.errors import UsageError


@given(st.integers(1, 300), st.integers(1, 400))
def test_any_volume_gives_at_least_one_slice_and_each_exists(count: int, every: int) -> None:
    taken = Slices("axial", every).numbers(count)
    assert len(taken) >= 1
    assert 0 <= min(taken) <= max(taken) < count
    assert all(b - a == every for a, b in itertools.pairwise(taken))


def test_they_lie_in_the_middle_of_their_share() -> None:
    assert list(Slices("coronal", 4).numbers(12)) == [2, 6, 10]


@pytest.mark.parametrize(("plane", "every"), [("oblique", 1), ("axial", 0)])
def test_another_rule_is_refused(plane: str, every: int) -> None:
    with pytest.raises(UsageError, match="slices"):
        Slices(plane, every)  # type: ignore[arg-type]
