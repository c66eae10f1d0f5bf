"""A damaged or edited ledger: torn lines are dropped, everything else is refused by its line number."""

from __future__ import annotations

import json

import pytest
from ledgers import PURPOSE, SIGMA, Q, begin, new, pay

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.chain import canonical, line_hash
from medsyngen.privacy.ledger import Ledger


def test_cut_at_any_byte_of_the_last_line_it_opens_with_the_earlier_ones(tmp_path):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        pay(account, 0, 10)
        pay(account, 10, 20)
    path = tmp_path / "ledger.jsonl"
    data = path.read_bytes()
    start = data[:-1].rindex(b"\n") + 1
    for cut in range(start, len(data)):
        path.write_bytes(data[:cut])
        with Ledger.open(path) as again:
            assert begin(again).steps_charged(PURPOSE) == 10
            assert again.events() == (sampled_gaussian(Q, SIGMA, 10),)
            notes = [line["text"] for line in again.lines if line["kind"] == "note"]
            assert notes == ([] if cut == start else [notes[0]])
            assert len(again.lines) == (3 if cut == start else 4)


def test_a_ledger_cut_in_its_first_line_says_that_nothing_was_charged(tmp_path):
    with new(tmp_path):
        pass
    path = tmp_path / "ledger.jsonl"
    data = path.read_bytes()
    for cut in (0, 1, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(VerificationFailed, match="no complete first line"):
            Ledger.open(path)


def test_any_byte_changed_in_an_earlier_line_is_named(tmp_path):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        pay(account, 0, 10)
        pay(account, 10, 20)
    path = tmp_path / "ledger.jsonl"
    data = path.read_bytes()
    end = data.rindex(b"\n", 0, -1)  # any line but the last
    for place in range(0, end + 1, 3):
        path.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        with pytest.raises(VerificationFailed, match=f"line {data[:place].count(10) + 1} of ledger.jsonl"):
            Ledger.open(path)


def reforged(path, number, **changes):
    """Rewrites a line and every hash after it: a chain that holds, with content that was never written."""
    lines = [json.loads(row) for row in path.read_text().splitlines()]
    line = lines[number - 1]
    if changes.get("kind") == "close":  # a whole line of another kind
        lines[number - 1] = line = {"n": line["n"]}
    line.update(changes)
    previous = "0" * 64
    for line in lines:
        line["previous"] = previous
        previous = line["hash"] = line_hash(line)
    path.write_bytes(b"".join(canonical(line) + b"\n" for line in lines))


@pytest.mark.parametrize(
    ("number", "changes"),
    [
        (1, {"kind": "charge"}),
        (1, {"format": "medsyngen ledger 3"}),
        (1, {"unit": "image"}),
        (1, {"epsilon": -1.0}),
        (1, {"delta": 0.5}),
        (1, {"patients_at_most": 0}),
        (1, {"patients_at_most": "500"}),
        (1, {"created": "today"}),
        (1, {"approved_by": None}),
        (2, {"kind": "refund"}),
        (2, {"kind": "open"}),
        (2, {"order": 1}),
        (2, {"order": 2.0}),
        (2, {"plan": {"type": "laplace", "noise_multiplier": 1.0}}),
        (3, {"run": "another"}),
        (3, {"seeded": 0}),
        (3, {"block": [0, 11]}),
        (3, {"block": [0.0, 10.0]}),
        (3, {"block": [0]}),
        (3, {"event": {"type": "laplace", "noise_multiplier": 1.0}}),
        (3, {"event": {"type": "gaussian", "noise_multiplier": 0.0}}),
        (3, {"event": {"type": "gaussian", "noise_multiplier": 99.0}, "block": [0, 1]}),
        (5, {"run": "another"}),
        (6, {"kind": "close", "purpose": "twice", "run": "run"}),
        (6, {"kind": "reserve", "run": "run"}),
    ],
)
def test_a_line_that_can_not_be_understood_is_refused_not_skipped(tmp_path, number, changes):
    with new(tmp_path) as ledger:
        account = begin(ledger)
        pay(account, 0, 10)
        ledger.look("evaluate")
        ledger.close_run("run", "given up")
        begin(ledger, 5, "next")
    reforged(tmp_path / "ledger.jsonl", number, **changes)
    with pytest.raises(VerificationFailed, match=f"line {number} of ledger.jsonl can't be understood") as refusal:
        Ledger.open(tmp_path / "ledger.jsonl")
    assert refusal.value.exit_code == 7
    with pytest.raises(VerificationFailed):  # the lock of the failed opening is gone
        Ledger.open(tmp_path / "ledger.jsonl")
