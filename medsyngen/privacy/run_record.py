"""One run's part of a ledger: what it reserved, what it was charged, what is still held for it."""

from __future__ import annotations

from dataclasses import dataclass, field

from medsyngen.privacy.accountant import Counts, mechanism_counts
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.chain import Line
from medsyngen.privacy.events import Event
from medsyngen.privacy.ledger_lines import not_understood, read_event


@dataclass
class RunRecord:
    """What the lines of a ledger say about one run.

    Args:
        run: Its name, drawn at random when it began.
        recipe_sha256: The recipe that pays.
        plan: Everything that it may charge, fixed when it began.
        order: Order α of the filter when it was admitted.
        seeded: Whether any draw of it came from a seed (sticky).
        charged: The events charged, in order.
        blocks: Purpose and steps [first, last) of each charge.
        closed: Whether what is left of the plan was given back.
    """

    run: str
    recipe_sha256: str
    plan: Event
    order: int
    seeded: bool
    charged: list[Event] = field(default_factory=list)
    blocks: list[tuple[str, int, int]] = field(default_factory=list)
    closed: bool = False

    def left(self) -> Counts:
        """Returns how often each planned mechanism may still run; nothing once the run is closed."""
        if self.closed:
            return {}
        used = mechanism_counts(self.charged)
        return {key: n - used.get(key, 0) for key, n in mechanism_counts([self.plan]).items() if n > used.get(key, 0)}

    def covers(self, event: Event) -> bool:
        """Returns whether what is left of the plan holds all of this event."""
        left = self.left()
        return all(left.get(key, 0) >= n for key, n in mechanism_counts([event]).items())

    def committed(self) -> list[Event]:
        """Returns what was charged and what is still held."""
        return [*self.charged, *(sampled_gaussian(q, sigma, n) for (q, sigma), n in self.left().items())]

    @property
    def void(self) -> bool:
        """Whether the run ended before anything was charged: it released nothing and counts for nothing."""
        return self.closed and not self.charged


def apply(line: Line, runs: dict[str, RunRecord], name: str) -> None:
    """Books one line of the ledger ``name`` to its run; lines about no run change nothing.

    Raises:
        VerificationFailed: If the line can't follow from those before it: a run begun twice, a charge beyond the plan.
    """
    refusal = not_understood(name, line["n"] + 1)
    if line["kind"] == "reserve":
        if line["run"] in runs or line["order"] < 2:
            raise refusal
        plan = read_event(line, "plan", name)
        runs[line["run"]] = RunRecord(line["run"], line["recipe_sha256"], plan, line["order"], line["seeded"])
    elif line["kind"] in ("charge", "close"):
        run = runs.get(line["run"])
        if run is None or run.closed:
            raise refusal
        if line["kind"] == "close":
            run.closed = True
            return
        event = read_event(line, "event", name)
        if not run.covers(event):
            raise refusal
        run.charged.append(event)
        run.blocks.append((line["purpose"], line["block"][0], line["block"][1]))
        run.seeded = run.seeded or line["seeded"]
