"""Which phantoms a source of images goes back to: a report lists their parameters."""

from __future__ import annotations

from typing import Any

from medsyngen.phantoms.mix import PhantomMix


def phantoms_of(source: Any) -> list[dict[str, Any]]:
    """Returns the phantoms that a source renders or learned from, as plain JSON; none if there are none.

    Args:
        source: A source; of one made of two, both parts are looked at. Shares are theirs: two sources count alike.
    """
    if hasattr(source, "start"):
        parts = phantoms_of(source.start) + phantoms_of(source.change)
        names = list(dict.fromkeys(part["name"] for part in parts))
        shares = {name: sum(part["share"] for part in parts if part["name"] == name) for name in names}
        total = sum(shares.values())
        return PhantomMix(tuple((name, share / total) for name, share in shares.items())).describe() if names else []
    if hasattr(source, "phantom"):
        return PhantomMix(((source.phantom, 1.0),)).describe()
    mix: PhantomMix | None = getattr(getattr(source, "expert", None), "mix", None)
    return mix.describe() if mix is not None else []
