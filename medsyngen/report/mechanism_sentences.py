"""Terms and texts of the mechanism: what scans were asked, and private training on them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medsyngen.report.numbers import count_text, number_text
from medsyngen.report.query_sentences import charges_of_training, queries_of, query_details

Facts = Mapping[str, Any]


def asked_and_trained(facts: Facts) -> list[tuple[str, str]]:
    """Returns the mechanism of what scans were asked, and that of training on them; both, if there are both."""
    asked = query_details(facts) if queries_of(facts) else []
    trained = _mechanism_details(facts) if charges_of_training(facts) else []
    if asked and trained:
        asked = [(term if term == "Votes" else f"{term} (votes)", text) for term, text in asked]
        trained = [(f"{term} (training)", text) for term, text in trained]
    return asked + trained


def _mechanism_details(facts: Facts) -> list[tuple[str, str]]:
    g, mechanism = facts["guarantee"], facts["mechanism"]
    spent = charges_of_training(facts)
    rates = sorted({m.sampling_probability for m in spent})
    found = [
        (
            "Sampling",
            f"In every step each patient takes part independently of all others, with probability q = {_list(rates)}."
            if rates != [1.0]
            else "Every patient takes part in every step (q = 1).",
        ),
        ("Noise", f"Gaussian; noise multiplier σ_DP = {_list(sorted({m.noise_multiplier for m in spent}))}."),
        ("Steps charged", f"T = {sum(m.steps for m in spent):,}"),
    ]
    if mechanism:
        reads = f"{count_text(mechanism['scans_per_patient'], 'scan')} × {mechanism['draws_per_scan']} noise draws"
        found[-1] = ("Steps charged", f"T = {sum(m.steps for m in spent):,} ({mechanism['planned_steps']:,} planned)")
        found.append(
            (
                "Clipping",
                f"Per patient, up to {reads} are averaged to one gradient, clipped to C = "
                f"{number_text(mechanism['clipping_norm'])}; noise of σ_DP · C is added once to the sum.",
            )
        )
        parts = _list([q * g["patients_at_most"] for q in rates])
        found.append(("Denominator", f"q · N_max = {parts}, fixed; never the number of patients actually drawn."))
    return found


def _list(values: list[float]) -> str:
    return ", ".join(number_text(value) for value in values)
