"""Fields of any shape are shown whole: bounds rounded up, tables in reading order, a reason said once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.report.field_values import Shown, grouped, scalar_text, shown

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def leaves(value: object) -> int:
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    return sum(map(leaves, value)) if isinstance(value, list) else 1


def told(it: Shown) -> int:
    parts = [told(each) for each in (*it.items, *(each for _, each in it.parts))]
    return sum(parts) + sum(map(len, it.rows)) + (it.kind == "text")


@given(PLAIN)
def test_nothing_is_left_out(value: object) -> None:
    assert told(shown(value)) == leaves(value)


@pytest.mark.parametrize(
    ("value", "key", "text"),
    [
        (2021, "year", "2021"),
        (2021, "count", "2,021"),
        (7.9921401, "epsilon", "8.00"),
        (3.3333e-6, "delta", "3.4 × 10⁻⁶"),
        (1e-9, "", "1.0 × 10⁻⁹"),
        (True, "", "yes"),
        (None, "", "none"),
    ],
)
def test_numbers_are_told_by_what_they_are(value: object, key: str, text: str) -> None:
    assert scalar_text(value, key) == text


def test_records_alike_are_a_table_in_reading_order() -> None:
    table = shown([{"source": "https://example.invalid/a-very-long-address", "epsilon": 2.0, "name": "a"}] * 2)
    assert table.columns == ("name", "epsilon", "source")
    assert table.kinds == ("short", "figures", "long")
    assert shown([{"a": 1}, {"b": 1}]).kind == "list"
    assert shown("0123456789abcdef").is_hash


def test_one_reason_is_said_once_and_only_of_neighbours() -> None:
    why = {"not_applicable": "because x"}
    entries = {"a": {"title": "A", **why}, "b": {"title": "B", **why}, "c": {"title": "C", "value": 1}}
    entries["d"] = {"title": "D", **why}
    assert [titles for titles, _, _ in grouped(entries)] == [["A", "B"], ["C"], ["D"]]
