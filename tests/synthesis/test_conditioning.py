"""Attributes are dealt as evenly as their shares allow, and as if the value of one said nothing of another."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.synthesis.conditioning import Conditioning, deal_classes, deal_together, part_of
from medsyngen.synthesis.synthesizer import Draws, Target


def attribute(name: str, *shares: float) -> Attribute:
    return Attribute(name, tuple(ClassDefinition(f"{name} {i}", str(i), share) for i, share in enumerate(shares)))


SEVERAL = Conditioning.of((), (), (attribute("finding", 0.7, 0.3), attribute("sex", 0.5, 0.5)))


@st.composite
def some_shares(draw):
    whole = st.lists(st.integers(1, 20), min_size=1, max_size=4)
    return [[part / sum(parts) for part in parts] for parts in draw(st.lists(whole, min_size=2, max_size=3))]


@given(some_shares(), st.integers(1, 150))
@settings(deadline=None, max_examples=60)
def test_at_every_prefix_values_and_combinations_are_near_their_shares(shares, count):
    dealt = np.array(deal_together(count, shares))
    numbers = np.arange(1, count + 1)
    for k, each in enumerate(shares):
        for value, share in enumerate(each):
            assert np.abs((dealt[:, k] == value).cumsum() - share * numbers).max() < 2
    for cell in itertools.product(*(range(len(each)) for each in shares)):
        share = np.prod([each[value] for each, value in zip(shares, cell, strict=True)])
        assert np.abs((dealt == cell).all(1).cumsum() - share * numbers).max() < 2


@given(some_shares(), st.integers(0, 40), st.integers(0, 40))
@settings(deadline=None, max_examples=30)
def test_an_image_does_not_depend_on_how_many_are_dealt(shares, few, more):
    assert deal_together(few + more, shares)[:few] == deal_together(few, shares)


@pytest.mark.parametrize("shares", [((0.5, 0.5), (0.5, 0.5)), ((0.7, 0.2, 0.1), (0.6, 0.4))])
def test_attributes_are_not_dealt_in_step(shares):
    """The mutant, each attribute dealt for itself: with equal shares the two are the same column twice."""

    def dependence(dealt) -> float:
        together = np.zeros([len(each) for each in shares])
        np.add.at(together, tuple(np.array(dealt).T), 1)
        return float(np.abs(together / len(dealt) - np.multiply.outer(*shares)).max())

    assert dependence(deal_together(400, shares)) < 0.005
    assert dependence(list(zip(*(deal_classes(400, each) for each in shares), strict=True))) > 0.02


def test_rows_are_those_of_the_one_table_and_columns_are_their_names():
    dealt = SEVERAL.deal(8)
    assert {row for row, _ in dealt} <= {0, 1}
    assert {row for _, row in dealt} <= {3, 4}
    assert (SEVERAL.counts, SEVERAL.rows) == ((2, 2), (3, 3))
    columns = SEVERAL.columns(8)
    assert columns["finding"] == tuple(f"finding {row}" for row, _ in dealt)
    assert columns["sex"] == tuple(f"sex {row - 3}" for _, row in dealt)
    assert part_of(columns, range(2, 5)) == {name: values[2:5] for name, values in columns.items()}


def test_classes_are_dealt_as_ever_and_no_class_is_the_null():
    classes = Conditioning.of(("a", "b"), (0.75, 0.25))
    assert classes.deal(9) == deal_classes(9, (0.75, 0.25))
    assert (classes.names, classes.rows) == (("class",), (3,))
    one = Conditioning.of((), (), (attribute("finding", 0.75, 0.25),))
    assert one.deal(9) == classes.deal(9)
    none = Conditioning.of((), ())
    assert (none.deal(2), none.columns(2), none.rows) == ([0, 0], {"class": ("", "")}, (1,))


def test_one_of_the_two_forms():
    with pytest.raises(ValueError, match="short form"):
        _ = Target(8, ("a",), (1.0,), (attribute("b", 1.0),)).conditioning
    with pytest.raises(ValueError, match="not both"):
        Draws(np.zeros((1, 1, 2, 2), np.float32), ("a",), {"b": ("c",)})
    with pytest.raises(ValueError, match="1 images but 2 values of b"):
        Draws(np.zeros((1, 1, 2, 2), np.float32), conditions={"b": ("c", "d")})
    with pytest.raises(ValueError, match="1 images but 0 values of class"):
        Draws(np.zeros((1, 1, 2, 2), np.float32))
