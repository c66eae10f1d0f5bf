"""What a reviewer asks of a release, field by field (A to P).

Each is filled, or not applicable with the reason, or left for the hospital to fill. All of it
follows from the rest of the report, so that whoever holds it can make it again.

The list is that of the differential-privacy deployments registry (OpenDP, NIST), of NIST SP 800-226 and of ISO/IEC
27559, put together for synthetic scans.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from medsyngen.report.fields.accounting import accounting
from medsyngen.report.fields.attacks import audit, copies
from medsyngen.report.fields.data import data
from medsyngen.report.fields.deciding import files, justification, machine_copy, signing
from medsyngen.report.fields.entry import Facts, Section
from medsyngen.report.fields.guarantee import guarantee
from medsyngen.report.fields.implementation import implementation
from medsyngen.report.fields.making import post_processing, public_inputs, tuning
from medsyngen.report.fields.release import release
from medsyngen.report.fields.threat import threat
from medsyngen.report.fields.utility import utility

SECTIONS: Final = {
    "A": ("Release", release),
    "B": ("Data", data),
    "C": ("Guarantee", guarantee),
    "D": ("Accounting", accounting),
    "E": ("Public inputs", public_inputs),
    "F": ("Tuning and preprocessing", tuning),
    "G": ("Implementation", implementation),
    "H": ("Trust and threat model", threat),
    "I": ("Audit", audit),
    "J": ("Copies, membership, attributes", copies),
    "K": ("Utility", utility),
    "L": ("Post-processing", post_processing),
    "M": ("Justification of ε", justification),
    "N": ("Sign-off", signing),
    "O": ("Machine copy", machine_copy),
    "P": ("In the files", files),
}
"""Letter -> title, and what makes its fields; in reading order."""


def fields_of(facts: Facts) -> dict[str, Any]:
    """Returns every field: letter -> title and entries (name -> title, then value, not_applicable or to_fill).

    Args:
        facts: The report without "sentences" and "fields".
    """
    return {letter: {"title": title, "entries": dict(make(facts))} for letter, (title, make) in SECTIONS.items()}


def in_order(report: Mapping[str, Any]) -> Iterator[tuple[str, str, Section]]:
    """Yields letter, title and entries in reading order, which JSON with sorted keys does not keep.

    Args:
        report: With "fields", as built or as read back.
    """
    made = fields_of({key: part for key, part in report.items() if key not in ("sentences", "fields")})
    for letter, section in report["fields"].items():
        names = list(made[letter]["entries"])
        yield letter, section["title"], {name: section["entries"][name] for name in names}
