import math

import pytest

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.evaluation.claims import check_claim, read_events, read_json
from medsyngen.privacy.accountant import epsilon_spent
from medsyngen.privacy.events import Gaussian, PoissonSampled, SelfComposed, to_json

EVENT = SelfComposed(PoissonSampled(0.05, Gaussian(1.0)), 50)
DELTA = 1e-5
SPENT = epsilon_spent([EVENT], DELTA)


def claim(epsilon, events):
    return check_claim(epsilon, events, delta=DELTA, unit="patient")


def test_events_within_the_claim_are_recomputed():
    found = claim(SPENT, (EVENT,))
    assert (found.status, found.recomputed) == ("recomputed from events", SPENT)
    assert found.to_json()["epsilon_of_events"] == SPENT
    assert claim(3.0, ()).recomputed == 0  # phantoms only


def test_without_events_it_is_claimed_and_not_checked():
    found = claim(3.0, None)
    assert (found.status, found.recomputed) == ("claimed, not checked", None)


def test_events_above_the_claim_are_refused_with_what_they_cost():
    with pytest.raises(VerificationFailed, match="more than the claimed") as caught:
        claim(0.99 * SPENT, (EVENT,))
    assert "claim at least" in caught.value.do
    with pytest.raises(VerificationFailed):
        claim(1.5 * SPENT, (EVENT,) * 5)


def test_a_ceiling_is_not_private_and_nonsense_is_refused():
    found = claim(math.inf, None)
    assert (found.status, found.to_json()["epsilon_claimed"]) == ("NOT PRIVATE", None)
    for wrong in (-1.0, math.nan):
        with pytest.raises(UsageError, match="at least 0"):
            claim(wrong, None)


def report(**changes):
    lines = [
        {"kind": "open", "run": ""},
        {"kind": "charge", "run": "ours", "event": to_json(EVENT)},
        {"kind": "charge", "run": "theirs", "event": to_json(EVENT)},
        {"kind": "look"},
    ]
    whole = {
        "status": {"not_private": False, "seeded": False},
        "guarantee": {"unit": "patient"},
        "ledger": {"run": "ours", "lines": lines},
    }
    return {**whole, **changes}


@pytest.mark.parametrize(
    "document",
    [
        report(),
        {"unit": "patient", "events": [to_json(EVENT)]},
        [to_json(EVENT)],
        to_json(EVENT),
    ],
    ids=["report, its own run", "events with a unit", "list", "one event"],
)
def test_ways_to_show_events(document):
    assert read_events(document, unit="patient") == (EVENT,)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"unit": "image", "events": [to_json(EVENT)]}, "per patient"),
        ({"events": [to_json(EVENT)]}, "per patient"),
        (report(guarantee={"unit": "image"}), "per patient"),
        (report(status={"not_private": True, "seeded": False}), "not private or was seeded"),
        (report(status={"not_private": False, "seeded": True}), "not private or was seeded"),
        (report(ledger={"run": "ours", "lines": [{"kind": "charge", "run": "ours"}]}), "no ledger"),
        (report(ledger=None), "no ledger"),
        ([{"type": "laplace", "scale": 1}], "unknown type"),
        ({"type": "gaussian"}, "gaussian"),
        ("3", "must be an object"),
    ],
)
def test_what_cannot_be_counted_is_refused_never_skipped(document, words):
    with pytest.raises(VerificationFailed, match=words):
        read_events(document, unit="patient")


def test_a_file_that_is_no_json_is_refused(tmp_path):
    (tmp_path / "x.json").write_text("{")
    (tmp_path / "deep.json").write_text("[" * 200_000)
    for name in ("x.json", "deep.json", "absent.json"):
        with pytest.raises(UsageError, match="JSON"):
            read_json(tmp_path / name)
    (tmp_path / "y.json").write_text("[1]")
    assert read_json(tmp_path / "y.json") == [1]
