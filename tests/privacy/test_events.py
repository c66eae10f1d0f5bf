"""Events: strict JSON, validation, one-to-one with dp-accounting."""

from __future__ import annotations

import json
import math

import dp_accounting
import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.accountant import dp_event
from medsyngen.privacy.events import Composed, Gaussian, PoissonSampled, SelfComposed, from_json, to_json

SIGMA = st.floats(1e-3, 1e6)
RATE = st.floats(1e-6, 1.0)
EVENTS = st.recursive(
    st.builds(Gaussian, SIGMA),
    lambda inner: st.one_of(
        st.builds(PoissonSampled, RATE, inner),
        st.builds(SelfComposed, inner, st.integers(0, 10**6)),
        st.lists(inner, max_size=3).map(lambda events: Composed(tuple(events))),
    ),
    max_leaves=6,
)


@given(EVENTS)
def test_an_event_survives_being_written_and_read(event):
    assert from_json(json.loads(json.dumps(to_json(event), allow_nan=False))) == event


def test_the_json_form_is_the_documented_one():
    event = SelfComposed(PoissonSampled(0.05, Gaussian(1.1)), 120)
    assert to_json(event) == {
        "type": "self_composed",
        "count": 120,
        "event": {
            "type": "poisson_sampled",
            "sampling_probability": 0.05,
            "event": {"type": "gaussian", "noise_multiplier": 1.1},
        },
    }


def test_events_map_one_to_one_to_dp_accounting():
    event = Composed((SelfComposed(PoissonSampled(0.05, Gaussian(1.1)), 120), Gaussian(4.0)))
    assert dp_event(event) == dp_accounting.ComposedDpEvent(
        [
            dp_accounting.SelfComposedDpEvent(
                dp_accounting.PoissonSampledDpEvent(0.05, dp_accounting.GaussianDpEvent(1.1)), 120
            ),
            dp_accounting.GaussianDpEvent(4.0),
        ]
    )


GAUSSIAN = {"type": "gaussian", "noise_multiplier": 1.0}


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        "gaussian",
        {},
        {"type": "laplace", "noise_multiplier": 1.0},
        {"type": ["gaussian"], "noise_multiplier": 1.0},
        {"type": "gaussian"},
        {**GAUSSIAN, "sensitivity": 1.0},
        {"type": "gaussian", "noise_multiplier": "1.0"},
        {"type": "gaussian", "noise_multiplier": True},
        {"type": "gaussian", "noise_multiplier": 0.0},
        {"type": "gaussian", "noise_multiplier": -1.0},
        {"type": "gaussian", "noise_multiplier": math.nan},
        {"type": "gaussian", "noise_multiplier": math.inf},
        {"type": "poisson_sampled", "sampling_probability": 0.0, "event": GAUSSIAN},
        {"type": "poisson_sampled", "sampling_probability": 1.01, "event": GAUSSIAN},
        {"type": "poisson_sampled", "sampling_probability": 0.1, "event": None},
        {"type": "self_composed", "count": -1, "event": GAUSSIAN},
        {"type": "self_composed", "count": 2.0, "event": GAUSSIAN},
        {"type": "self_composed", "count": True, "event": GAUSSIAN},
        {"type": "composed", "events": {"0": GAUSSIAN}},
        {"type": "composed", "events": [GAUSSIAN, {"type": "unsupported"}]},
    ],
)
def test_what_is_not_an_event_is_refused(value):
    with pytest.raises(VerificationFailed) as refusal:
        from_json(value)
    assert refusal.value.exit_code == 7


def test_deep_nesting_is_refused_before_the_stack_ends():
    value = GAUSSIAN
    for _ in range(10_000):
        value = {"type": "self_composed", "count": 1, "event": value}
    with pytest.raises(VerificationFailed):
        from_json(value)


def test_a_skipping_reader_would_under_report():
    """The wrong reader: it leaves out what it does not know. The right one refuses the same file."""
    value = {"type": "composed", "events": [GAUSSIAN, {"type": "laplace", "noise_multiplier": 0.1}]}

    def skipping(value):
        return Composed(tuple(from_json(e) for e in value["events"] if e["type"] == "gaussian"))

    assert skipping(value) == Composed((Gaussian(1.0),))  # cheap, and wrong
    with pytest.raises(VerificationFailed):
        from_json(value)


@pytest.mark.parametrize("count", [1.5, True, "2", -3])
def test_counts_are_whole_numbers(count):
    with pytest.raises(ValueError, match="count"):
        SelfComposed(Gaussian(1.0), count)


def test_whole_numbers_become_floats_so_that_equal_events_are_equal_bytes():
    assert json.dumps(to_json(PoissonSampled(1, Gaussian(2)))) == json.dumps(
        to_json(PoissonSampled(1.0, Gaussian(2.0)))
    )
