"""A guarantee for machines: the figure never without what it needs to mean anything."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from medsyngen.privacy.budget import Guarantee


def guarantee_json(guarantee: Guarantee) -> dict[str, Any]:
    """Returns ε and δ, rounded up as everywhere (ε null if infinite), with unit, neighbours and accountant."""
    from medsyngen.privacy.budget import round_up

    return {
        "epsilon": round_up(guarantee.epsilon) if math.isfinite(guarantee.epsilon) else None,
        "delta": round_up(guarantee.delta),
        "unit": guarantee.unit,
        "adjacency": guarantee.adjacency,
        "accountant": guarantee.accountant,
        "own_ledger": guarantee.own_ledger,
        "scans_read": guarantee.scans_read,
        "sentence": guarantee.sentence(),
    }
