"""Cells: public shares, a member for every scan, and images dealt alike whatever their number."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.conditioning import Conditioning

NOTHING = Cells(Conditioning.of((), ()))
CLASSES = Cells(Conditioning.of(("normal", "opacity", "rare"), (0.6, 0.39, 0.01)))
TWO = Cells(Conditioning(("finding", "sex"), (("a", "b", "c"), ("f", "m")), ((0.5, 0.3, 0.2), (0.4, 0.6))))


def test_a_cell_for_every_combination_with_the_product_of_the_shares():
    assert NOTHING.values.tolist() == [[0]]
    assert NOTHING.shares.tolist() == [1.0]
    assert TWO.values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]]
    np.testing.assert_allclose(TWO.shares, [0.2, 0.3, 0.12, 0.18, 0.08, 0.12])


@given(st.integers(1, 400))
def test_every_cell_has_members_in_proportion_and_at_least_one(members):
    sizes = np.array(CLASSES.sizes(members))
    assert (sizes >= 1).all()
    assert (np.abs(sizes - members * CLASSES.shares) <= 1).all()
    if members >= 100:
        assert sizes.sum() == members


def test_a_scan_votes_in_its_own_cell_and_where_it_is_unlabelled_in_all():
    assert NOTHING.open_to(np.array([0, 0])).tolist() == [[True], [True]]
    assert CLASSES.open_to(np.array([1, 3])).tolist() == [[False, True, False], [True, True, True]]
    # rows in the one table: finding 0 to 2 and null 3, sex 4, 5 and null 6
    table = TWO.open_to(np.array([[1, 5], [1, 6], [3, 4], [3, 6]]))
    assert [np.flatnonzero(row).tolist() for row in table] == [[3], [2, 3], [0, 2, 4], [0, 1, 2, 3, 4, 5]]


def test_a_patient_is_in_cells_by_scans_and_in_all_one():
    found = CLASSES.parts_in(np.array([0, 3]))  # the second is of unknown class
    np.testing.assert_allclose(found, [[0.5, 0, 0], [0.3, 0.195, 0.005]])
    for cells, classes in ((NOTHING, [0, 0, 0]), (CLASSES, [2]), (TWO, [[1, 5], [3, 6]])):
        assert cells.parts_in(np.array(classes)).sum() == pytest.approx(1)


@pytest.mark.parametrize("cells", [NOTHING, CLASSES, TWO])
def test_images_are_dealt_as_the_conditioning_deals_them(cells):
    dealt, columns = cells.deal(60), cells.conditioning.columns(60)
    for k, (name, values) in enumerate(zip(cells.conditioning.names, cells.conditioning.values, strict=True)):
        if values:
            assert [values[v] for v in cells.values[dealt, k]] == list(columns[name])
    np.testing.assert_array_equal(cells.deal(17), dealt[:17])
