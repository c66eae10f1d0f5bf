"""Slices become a volume only where they fill space evenly; everything else is refused for its own reason."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nibabel.quaternions import quat2mat

from medsyngen.formats.geometry import SliceGeometry
from medsyngen.formats.refusal import ScanRefused
from medsyngen.formats.stacking import LPS_TO_RAS, stack

NUMBERS = st.floats(-1.0, 1.0)


def planes(count=5, gap=2.5, turn=np.eye(3), origin=(-20.0, 10.0, 300.0), spacing=(0.5, 0.7), shift=(0.0, 0.0)):
    """Slices along the third column of a rotation; ``shift`` moves each against the one before (mm, in its plane)."""
    row, column, normal = turn.T
    step = gap * normal + shift[0] * row + shift[1] * column
    return [SliceGeometry(tuple(origin + k * step), tuple(row), tuple(column), spacing) for k in range(count)]


def reason(given):
    with pytest.raises(ScanRefused) as refused:
        stack(given)
    return refused.value.reason


@given(
    st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS).filter(lambda q: np.linalg.norm(q) > 0.1),
    st.permutations(range(5)),
    st.floats(0.3, 8.0),
)
def test_every_voxel_lies_where_its_slice_says(quaternion, order, gap):
    turn = quat2mat(np.asarray(quaternion) / np.linalg.norm(quaternion))
    given_planes = planes(gap=gap, turn=turn)
    found = stack([given_planes[number] for number in order])
    assert [order[number] for number in found.order] == [0, 1, 2, 3, 4]
    for k, plane in enumerate(given_planes):
        for row, column in ((0, 0), (3, 0), (0, 4)):
            # PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1
            lps = np.add(plane.position, np.multiply(plane.row, plane.spacing_mm[1] * column))
            lps = lps + np.multiply(plane.column, plane.spacing_mm[0] * row)
            ras = found.affine @ [column, row, k, 1]
            assert np.allclose((LPS_TO_RAS @ ras)[:3], lps, atol=1e-6)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_slices_to_see_that_one_is_missing(count):
    assert reason(planes(count)) == "too-few-slices"
    assert len(stack(planes(3)).order) == 3


@pytest.mark.parametrize("taken", [(1,), (2,), (1, 2), (1, 3, 4)])
def test_a_gap_that_is_a_multiple_is_a_missing_slice(taken):
    whole = planes(8)
    assert reason([plane for number, plane in enumerate(whole) if number not in taken]) == "missing-slices"


def test_any_other_uneven_gap_is_uneven():
    moved = planes(6)
    up = np.add(moved[3].position, (0, 0, 0.3))
    assert reason([*moved[:3], replace(moved[3], position=tuple(up)), *moved[4:]]) == "uneven-slices"
    aside = np.add(moved[3].position, (0.3, 0, 0))
    assert reason([*moved[:3], replace(moved[3], position=tuple(aside)), *moved[4:]]) == "uneven-slices"


@pytest.mark.parametrize(("shift", "refused"), [(0.02, False), (0.03, True), (-1.2, True)])
def test_a_tilted_gantry(shift, refused):
    tilted = planes(shift=(0.0, shift))
    if refused:
        assert reason(tilted) == "gantry-tilt"
    else:  # what is tolerated is still told exactly
        assert stack(tilted).affine[:3, 2] == pytest.approx([0, -shift, 2.5])


def test_positions_written_with_two_decimals_are_even():
    rough = [replace(plane, position=tuple(round(x, 2) for x in plane.position)) for plane in planes(40, gap=0.5997)]
    assert stack(rough).affine[2, 2] == pytest.approx(0.5997, abs=1e-3)


def test_slices_at_one_place():
    two = planes(4)
    assert reason([*two, *two]) == "four-dimensional"
    assert reason([*two, *two, *two]) == "four-dimensional"
    assert reason([*two, two[1]]) == "duplicate-positions"
    assert reason([two[0], two[0], two[0]]) == "duplicate-positions"


def test_what_does_not_belong_together():
    good, turned = planes(), planes(turn=np.eye(3)[[1, 2, 0]])
    assert reason([*good, turned[0]]) == "mixed-orientation"
    assert reason([good[0], *(replace(plane, frame_of_reference="1.2.3") for plane in good[1:])]) == "mixed-orientation"
    assert reason([*good[:-1], replace(good[-1], spacing_mm=(0.5, 0.8))]) == "mixed-sizes"
    assert reason([*good[:-1], replace(good[-1], localizer=True)]) == "localizer"
