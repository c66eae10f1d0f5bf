"""One field of the report: a value and where it is from, or why it does not apply, or why only the hospital can say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from medsyngen.report.ledger_table import mechanisms, of_run

Facts = Mapping[str, Any]
"""The report without "sentences" and "fields"."""
Entry = dict[str, Any]
Section = dict[str, Entry]
Source = Literal["recipe", "ledger", "software", "run", "hospital"]

NO_SCAN = "because no scan was read"


def value(title: str, source: Source, content: Any) -> Entry:
    """Returns a field that is filled.

    Args:
        title: For people.
        source: Whose word it is.
        content: Plain JSON.
    """
    return {"title": title, "from": source, "value": content}


def missing(title: str, source: Source, because: str) -> Entry:
    """Returns a field that does not apply.

    Args:
        title: For people.
        source: What it would be from.
        because: The reason, beginning with "because".
    """
    return {"title": title, "from": source, "not_applicable": because}


def stated(facts: Facts, title: str, key: str, because: str) -> Entry:
    """Returns what the hospital stated, or that it still has to.

    Args:
        facts: With "statements".
        title: For people.
        key: Of ``medsyngen.release.statements.Statements``.
        because: Why nothing but the hospital can say it, beginning with "because".
    """
    said = facts["statements"].get(key)
    if said:
        return value(title, "hospital", said)
    return {"title": title, "from": "hospital", "to_fill": f"by the hospital, {because}"}


def either(applies: bool, title: str, source: Source, content: Any, because: str) -> Entry:
    """Returns the field filled if it applies, else the reason."""
    return value(title, source, content) if applies else missing(title, source, because)


def holds(facts: Facts) -> bool:
    """Returns whether there is a guarantee at all."""
    return not (facts["status"]["not_private"] or facts["status"]["seeded"])


def reads_scans(facts: Facts) -> bool:
    """Returns whether private scans were read for this run."""
    return bool(facts["ledger"]["head"])


def charged(facts: Facts) -> bool:
    """Returns whether the run was charged anything."""
    return bool(mechanisms(of_run(facts["ledger"])))


def no_guarantee(facts: Facts) -> str:
    """Returns why nothing can be said of what ε means."""
    return "because clipping or noise was off" if facts["status"]["not_private"] else "because the noise was seeded"
