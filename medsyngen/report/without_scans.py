"""Sentences of a report on a run that read no scan: then there is no ledger, and nothing that only one could say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NO_LEDGER = "There is no ledger: no scan was read, so there was nothing to charge."

FOLLOWS = (
    "This follows from the recipe: phantoms serve every noise level. No ledger was needed, none was opened and none "
    "written, so looks at private scans by other means are not counted here."
)
"""Stands beside ε."""

CHOICES = (
    "A run without scans keeps no ledger in which looks at scans could be noted. If its phantoms, their mix or any "
    "other setting were chosen after looking at private scans, that choice may carry something of the patients "
    "outwards; that none was is attested by who made the recipe."
)

DETAILS = (
    ("Private scans", "None was read: every stage of training learned from phantoms."),
    ("Recipe", "What it says of a budget, of private training and of how scans are read was not used."),
    ("Accounting", "Nothing to count. Whoever the patients are, what was released would have come out just as likely."),
)
"""The guarantee in detail; the last holds only where nothing was seeded or switched off."""


def without_ledger(facts: Mapping[str, Any]) -> bool:
    """Returns whether no ledger exists, because no scan was read.

    Args:
        facts: The report without "sentences"; its schema allows no ledger only where all stages learned from phantoms.
    """
    return not facts["ledger"]["head"]


def names_only(facts: Mapping[str, Any]) -> str:
    """Returns what the classes of a cohort are worth whose generator saw no label."""
    images = "All images of this release were" if facts["release"] else "All images are"
    return (
        "Classes are names only. No labelled image taught the generator what a class looks like. "
        f"{images} drawn in the same way, whatever class they are said to have, so nothing about a class can be "
        "learned from them."
    )
