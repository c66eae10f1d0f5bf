"""Drawn ahead: the same items in the same order, few at a time, and no thread that stays."""

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.phantoms.bank import drawn_ahead


@given(st.integers(0, 12), st.integers(1, 4))
def test_items_come_in_order_each_once(count, workers):
    made = []

    def make(number):
        made.append(number)
        return number * number

    assert list(drawn_ahead(make, count, workers=workers)) == [n * n for n in range(count)]
    assert sorted(made) == list(range(count))


@pytest.mark.parametrize("workers", [1, 3])
def test_the_next_is_made_while_one_is_in_use_and_not_more(workers):
    begun = [threading.Event() for _ in range(9)]
    items = drawn_ahead(lambda number: begun[number].set(), 9, workers=workers)
    for number in range(5):
        next(items)
        assert all(event.wait(5) for event in begun[: number + 1 + workers])  # ahead of whoever uses this one
        time.sleep(0.01)
        assert not any(event.is_set() for event in begun[number + 1 + workers :])
    items.close()


@pytest.mark.parametrize("workers", [1, 3])
def test_an_error_comes_in_its_turn_and_no_thread_stays(workers):
    def make(number):
        if number == 2:
            raise KeyError("third")
        return number

    before = threading.active_count()
    items = drawn_ahead(make, 9, workers=workers)
    assert [next(items), next(items)] == [0, 1]
    with pytest.raises(KeyError, match="third"):
        next(items)
    assert threading.active_count() == before
    items = drawn_ahead(make, 9, workers=workers)
    next(items)
    items.close()
    assert threading.active_count() == before
