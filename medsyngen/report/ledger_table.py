"""The ledger as a table: every event flattened to q, σ_DP and steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from medsyngen.errors import VerificationFailed
from medsyngen.report.numbers import count_text, pair_text


@dataclass(frozen=True)
class Mechanism:
    """One repeated mechanism: the Gaussian one, on a Poisson sample of the patients (q = 1: on all of them)."""

    sampling_probability: float
    noise_multiplier: float
    steps: int


@dataclass(frozen=True)
class Row:
    """One row: a line of the ledger, or consecutive charges that are alike. Lines are numbered from 1.

    ``epsilon_after`` and ``hash`` are those of the last line. Only a charge has a mechanism.
    """

    first: int
    last: int
    kind: str
    purpose: str
    mechanism: Mechanism | None
    epsilon_after: float | None
    hash: str
    run: str = ""


def flatten(event: Mapping[str, Any], q: float = 1.0, times: int = 1) -> Iterator[Mechanism]:
    """Yields the mechanisms in an event.

    Raises:
        VerificationFailed: An event that this report can't put into words; leaving it out would understate the cost.
    """
    kind = event.get("type")
    if kind == "gaussian":
        yield Mechanism(q, float(event["noise_multiplier"]), times)
    elif kind == "poisson_sampled" and q == 1.0:
        yield from flatten(event["event"], float(event["sampling_probability"]), times)
    elif kind == "self_composed":
        yield from flatten(event["event"], q, times * int(event["count"]))
    elif kind == "composed":
        for part in event["events"]:
            yield from flatten(part, q, times)
    else:
        raise VerificationFailed(
            f"the ledger holds an event of a type that the report doesn't know: {str(kind)[:40]!r}",
            do="read this ledger with the version of medsyngen that wrote it, or a newer one",
        )


def mechanisms(lines: Sequence[Mapping[str, Any]]) -> list[Mechanism]:
    """Returns every charged mechanism, in order."""
    return [m for line in lines if line["kind"] == "charge" for m in flatten(line["event"])]


def of_run(ledger: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Returns the lines that are about the report's own run; the ledger of a site holds other runs, too."""
    return [line for line in ledger["lines"] if line.get("run") == ledger["run"]]


def rows(lines: Sequence[Mapping[str, Any]], epsilon_after: Sequence[float] = ()) -> list[Row]:
    """Returns the table; consecutive charges of one run with the same purpose, q and σ_DP become one row.

    Args:
        lines: As stored.
        epsilon_after: ε after each line, or empty.
    """
    after: Sequence[float | None] = epsilon_after or [None] * len(lines)
    table: list[Row] = []
    for row in (row for pair in zip(lines, after, strict=True) for row in _line_rows(*pair)):
        joined = _joined(table[-1], row) if table else None
        if joined is None:
            table.append(row)
        else:
            table[-1] = joined
    return table


def _line_rows(line: Mapping[str, Any], epsilon_after: float | None) -> Iterator[Row]:
    number = line["n"] + 1
    plain = Row(number, number, line["kind"], _purpose(line), None, epsilon_after, line["hash"], line.get("run", ""))
    if line["kind"] != "charge":
        yield plain
        return
    for mechanism in flatten(line["event"]):
        yield replace(plain, mechanism=mechanism)


def _purpose(line: Mapping[str, Any]) -> str:
    if line["kind"] == "open":
        limit = pair_text(line["epsilon"], line["delta"])
        return f"budget per {line['unit']}: {limit}, N_max = {line['patients_at_most']:,}"
    if line["kind"] == "reserve":
        steps = sum(mechanism.steps for mechanism in flatten(line["plan"]))
        return f"plan of run {line['run'][:8]}: {count_text(steps, 'step')}, reserved and not yet charged"
    return str(line["text"] if line["kind"] == "note" else line["purpose"])


def _joined(one: Row, two: Row) -> Row | None:
    """Returns both as one row, or None where they differ in more than their steps."""
    if one.mechanism is None or two.mechanism is None or one.last >= two.first:
        return None
    both = replace(two.mechanism, steps=one.mechanism.steps + two.mechanism.steps)
    alike = (one.kind, one.run, one.purpose) == (two.kind, two.run, two.purpose)
    if not alike or replace(one.mechanism, steps=both.steps) != both:
        return None
    return replace(two, first=one.first, mechanism=both)
