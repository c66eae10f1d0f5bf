"""Events flattened to a table: no step gets lost, and an unknown event is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.errors import VerificationFailed
from medsyngen.report.ledger_table import Mechanism, flatten, mechanisms, rows

GAUSSIAN = {"type": "gaussian", "noise_multiplier": 1.5}


def line(number: int, sigma: float, steps: int, kind: str = "charge", purpose: str = "a") -> dict[str, Any]:
    sampled = {"type": "poisson_sampled", "sampling_probability": 0.1, "event": GAUSSIAN | {"noise_multiplier": sigma}}
    event = {"type": "self_composed", "count": steps, "event": sampled}
    return {"n": number, "hash": f"{number:064x}", "kind": kind, "purpose": purpose, "event": event}


CHARGES = st.lists(st.tuples(st.sampled_from([1.0, 2.0]), st.integers(1, 50), st.sampled_from("ab")), max_size=20)


@given(CHARGES)
def test_grouping_keeps_every_step_and_line(charges: list[tuple[float, int, str]]) -> None:
    lines = [line(i, sigma, steps, purpose=purpose) for i, (sigma, steps, purpose) in enumerate(charges)]
    table = rows(lines, [float(i) for i in range(len(lines))])
    assert sum(row.mechanism.steps for row in table if row.mechanism) == sum(steps for _, steps, _ in charges)
    assert [n for row in table for n in range(row.first, row.last + 1)] == list(range(1, len(charges) + 1))
    for row in table:
        members = charges[row.first - 1 : row.last]
        assert {(sigma, purpose) for sigma, _, purpose in members} == {(row.mechanism.noise_multiplier, row.purpose)}  # type: ignore[union-attr]
        assert row.epsilon_after == row.last - 1


def test_alike_charges_become_one_row_and_a_look_between_them_stays_visible() -> None:
    look = line(2, 1.0, 1, kind="look")
    table = rows([line(0, 1.0, 10), line(1, 1.0, 10), look, line(3, 1.0, 10)])
    assert [(row.first, row.last, row.kind) for row in table] == [(1, 2, "charge"), (3, 3, "look"), (4, 4, "charge")]


def test_composition_nests() -> None:
    twice = {"type": "self_composed", "count": 2, "event": {"type": "composed", "events": [GAUSSIAN, GAUSSIAN]}}
    thrice = {"type": "self_composed", "count": 3, "event": twice}
    assert list(flatten(thrice)) == [Mechanism(1.0, 1.5, 6), Mechanism(1.0, 1.5, 6)]


def test_only_charges_count() -> None:
    assert mechanisms([line(0, 1.0, 10, kind="look")]) == []


@pytest.mark.parametrize(
    "event", [{"type": "laplace"}, {"type": "self_composed", "count": 2, "event": {"type": "?"}}, {}]
)
def test_an_event_that_has_no_words_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(VerificationFailed):
        list(flatten(event))
