"""Every sentence of the report, each one generated from the report's own facts; none is fixed text that could be false.

The functions read the plain JSON of a report (without its sentences), so that whoever holds the JSON can make them
again and compare (``check_report``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from medsyngen.report.ledger_table import mechanisms, of_run
from medsyngen.report.mechanism_sentences import asked_and_trained
from medsyngen.report.numbers import (
    count_text,
    delta_text,
    epsilon_text,
    guess_bound,
    pair_text,
    percent_text,
)
from medsyngen.report.outside import outside
from medsyngen.report.query_sentences import learned, queries_of
from medsyngen.report.without_scans import DETAILS, FOLLOWS, NO_LEDGER, without_ledger

Facts = Mapping[str, Any]


def compose(facts: Facts) -> dict[str, Any]:
    """Returns the words of a report.

    Args:
        facts: The report without "sentences".
    """
    words = {
        "title": "Privacy report of a synthetic cohort" if facts["release"] else "Privacy report of a run",
        "alerts": alerts(facts),
        "promise": promise(facts),
        "statement": statement(facts),
        "guess": guess(facts),
        "beside_epsilon": beside_epsilon(facts),
        "outside": outside(facts),
        "decides": decides(facts),
        "details": details(facts),
        "stages": [stage_cost(facts, stage) for stage in facts["stages"]],
        "ledger": ledger_scope(facts),
    }
    return {**words, "queries": learned(facts)} if queries_of(facts) else words


def holds(facts: Facts) -> bool:
    """Returns whether there is a guarantee at all."""
    return not (facts["status"]["not_private"] or facts["status"]["seeded"])


def charged(facts: Facts) -> bool:
    """Returns whether anything was spent on private scans."""
    return bool(mechanisms(of_run(facts["ledger"])))


def alerts(facts: Facts) -> list[dict[str, str]]:
    """Returns what a reader must see before anything else; empty in a sound report."""
    found = []
    guarantee = facts["guarantee"]
    if facts["status"]["not_private"]:
        text = "Clipping or noise was switched off. No patient is promised anything. Nothing of this run may leave."
        found.append({"code": "not-private", "mark": "NOT PRIVATE", "text": text})
    if facts["status"]["seeded"]:
        text = "Noise was drawn from a seed and can be computed again by whoever knows it. No guarantee holds."
        found.append({"code": "seeded", "mark": "SEEDED — NOT FOR RELEASE", "text": text})
    if holds(facts) and guarantee["epsilon"] > guarantee["epsilon_budget"]:
        spent = pair_text(guarantee["epsilon"], guarantee["delta"])
        text = f"Spent per patient: {spent}. The budget was ε = {epsilon_text(guarantee['epsilon_budget'])} at this δ."
        found.append({"code": "over-budget", "mark": "OVER BUDGET", "text": text})
    if (facts["audit"] or {}).get("verdict") == "VIOLATION":
        text = f"An audit of this recipe refuted the claim. {facts['audit']['explanation']} Nothing of it may leave."
        found.append({"code": "audit", "mark": "AUDIT: VIOLATION", "text": text})
    if holds(facts) and charged(facts) and guarantee["delta"] * 10 * guarantee["patients_at_most"] > 1:
        text = (
            f"δ = {delta_text(guarantee['delta'])} is above 1/(10 · N_max) with N_max = "
            f"{guarantee['patients_at_most']:,} patients: it would allow to give single patients away in full."
        )
        found.append({"code": "delta-too-large", "mark": "δ TOO LARGE", "text": text})
    return found


def promise(facts: Facts) -> list[str]:
    """Returns what is promised and to whom, in plain words."""
    what = "these files" if facts["release"] else "the releases of this run"
    if not holds(facts):
        return [f"Nothing is promised to any patient: {what} may reveal any part of any record."]
    if not charged(facts):
        why = "No scan was read" if without_ledger(facts) else "The ledger holds no charge"
        return [
            f"{why} and every stage of training learned from phantoms only: images drawn by a program. No private "
            f"scan taught the generator of {what}: ε = 0 and δ = 0 for every patient."
        ]
    guarantee = facts["guarantee"]
    return [
        f"To each patient whose scans were used: there is a limit to how much {what} can reveal about your record. "
        "Your record is everything filed under one patient key: scans, headers, label maps, all rows of label and "
        "mapping files.",
        "The limit compares two cohorts that differ by one patient's record, added or removed. It is "
        f"{pair_text(guarantee['epsilon'], guarantee['delta'])} for the patient, however many scans the record holds. "
        "The smaller both numbers, the stronger the promise.",
    ]


def statement(facts: Facts) -> str | None:
    """Returns the exact guarantee; None where there is none, or nothing to guard."""
    if not (holds(facts) and charged(facts)):
        return None
    pair = pair_text(facts["guarantee"]["epsilon"], facts["guarantee"]["delta"])
    return (
        "For any two cohorts that differ by one patient's record, under the same recipe, and any set S of releases: "
        f"P[M(cohort) ∈ S] ≤ e^ε · P[M(cohort′) ∈ S] + δ, both ways, with {pair}."
    )


def guess(facts: Facts) -> dict[str, Any] | None:
    """Returns what ε means for a guesser; None where there is no guarantee or no cost."""
    if not (holds(facts) and charged(facts)):
        return None
    g = facts["guarantee"]
    bound = guess_bound(g["epsilon"], g["delta"], g["delta_at_zero"])
    basis = (
        "ε and δ"
        if g["delta_at_zero"] is None
        else f"the mechanism's total variation distance, δ(0) = {g['delta_at_zero']:.4g}"
    )
    text = (
        "Someone knows all other records, knows yours, and holds it for as likely as not that yours was in the cohort. "
        "After seeing every release of this run, their best guess is right with a chance of at most "
        f"{percent_text(bound)}; "
        f"tossing a coin gives 50 %. The bound follows from {basis}."
    )
    if bound > 0.9:
        text += (
            " Against someone who knows that much, a bound this high excludes little by itself. It is a worst case; "
            "what a real attack would reach was not measured for this report."
        )
    return {"bound": math.ceil(bound * 1e6) / 1e6, "text": text}


def beside_epsilon(facts: Facts) -> list[str]:
    """Returns what must stand beside ε: uncharged looks, and which ledger it was counted on."""
    found = []
    if without_ledger(facts):
        return [FOLLOWS] if holds(facts) else []
    looks = facts["ledger"]["looks"]
    what = "release" if facts["release"] else "report"
    if holds(facts) and looks:
        found.append(
            f"Holds for the mechanism; {count_text(looks, 'look')} at private results came before this {what}; "
            "choices made after them are not covered."
        )
    elif holds(facts):
        found.append(f"The ledger records no look at private results before this {what}.")
    if facts["ledger"]["own_ledger_reason"] is not None:
        found.append(
            "Counted on a ledger of this run alone: what other runs spent on the same patients is not in it. "
            f"Reason given: “{facts['ledger']['own_ledger_reason']}”"
        )
    elif holds(facts):
        found.append(site_total(facts))
    return found


def site_total(facts: Facts) -> str:
    """Returns what all runs on the ledger of the site spent together, and what limits them."""
    total, delta = facts["ledger"]["total"], facts["guarantee"]["delta"]
    budget = pair_text(total["epsilon_budget"], delta)
    approved = f", approved by {total['approved_by']}" if total["approved_by"] else ""
    if not total["admits_more"]:
        return (
            f"Counted on the ledger of the site, whose budget for everything ever released is {budget} per "
            f"patient{approved}. This run fits into it only as the one run ever; the ledger admits no other."
        )
    return (
        f"Counted on the ledger of the site. Everything ever released on it, each run chosen in the light of earlier "
        f"ones, stays within {budget} per patient{approved}: a Rényi filter of order {total['order']} admits no run "
        f"beyond. {count_text(total['runs'], 'run')} {'was' if total['runs'] == 1 else 'were'} charged so far, which "
        f"the filter counts as ε = {epsilon_text(total['by_filter'])}; had all been fixed in advance, it would be "
        f"ε = {epsilon_text(total['in_advance'])} at the same δ."
    )


def stage_cost(facts: Facts, stage: Facts) -> str:
    """Returns what a stage of training cost the patients."""
    looks = facts["ledger"]["looks"]
    if stage["data"] == "private scans":
        return "Paid for by the charges in the ledger." if holds(facts) else "Private scans without any protection."
    if stage["data"] == "evolved phantoms":
        return (
            "Paid for by the votes in the ledger: learned from phantoms that patients' noisy votes chose, and from no "
            "scan."
            if holds(facts)
            else "Learned from phantoms that votes of patients chose, without any protection."
        )
    if not holds(facts):
        return "Learned from phantoms only."
    if looks:
        return (
            "Nothing charged: learned from phantoms only. Free of cost if phantoms and bands were fixed before the "
            f"{count_text(looks, 'look')} at private results; the hospital attests that."
        )
    return "No privacy cost: learned from phantoms only."


def ledger_scope(facts: Facts) -> list[str]:
    """Returns how far the listed lines reach."""
    ledger = facts["ledger"]
    lines = ledger["lines"]
    if without_ledger(facts):
        return [NO_LEDGER]
    if not lines:
        return ["The ledger is empty: nothing was ever charged, and no look recorded."]
    unbroken = all(b["previous"] == a["hash"] for a, b in pairwise(lines))
    found = [
        "The hashes of the listed lines are right, and each names that of the line before it."
        if unbroken
        else "The listed lines are not consecutive in the ledger: lines between them are not shown."
    ]
    found.append(
        "The last one listed is the head of the ledger."
        if lines[-1]["hash"] == ledger["head"]
        else "The ledger goes on after the last line listed: its head is another line."
    )
    if not holds(facts) or not charged(facts):
        return found
    found.append("ε covers this run's charges, all of them, whether their step ran, finished or was kept.")
    others = sum(line["kind"] == "charge" and line["run"] != ledger["run"] for line in lines)
    if others:
        found.append(
            f"{count_text(others, 'other charge')} listed here {'belongs' if others == 1 else 'belong'} to other runs: "
            "they are in the total beside ε, not in ε."
        )
    return found


def decides(facts: Facts) -> str:
    """Returns who decides."""
    if not holds(facts):
        return "There is nothing to decide: without a guarantee this is for tests inside, and not for release."
    return (
        "medsyngen computes and records; it approves nothing. Whether this is enough for the use in mind is decided by "
        "those who sign below, under the rules that bind them. This report is evidence, not a legal opinion."
    )


def details(facts: Facts) -> list[dict[str, str]]:
    """Returns the guarantee item by item: unit, neighbours, sampling, noise, clipping, steps, denominator, counting."""
    if without_ledger(facts):
        told = [*(DETAILS if holds(facts) else DETAILS[:-1]), *enlarged(facts)]
        return [{"term": term, "text": text} for term, text in told]
    g = facts["guarantee"]
    found = [
        ("Privacy unit", "The patient: everything in the inputs under one patient key."),
        ("Neighbours", "Two cohorts that differ by one patient's record, added or removed."),
        (
            "N_max",
            f"{count_text(g['patients_at_most'], 'patient')} at most: a public number from the recipe. "
            "The number of patients itself is not released.",
        ),
    ]
    if holds(facts) and charged(facts):
        found += asked_and_trained(facts)
        found.append(("Accounting", f"{g['accountant']}; ε and δ are printed rounded up."))
    if facts["status"]["seeded"]:
        found.append(("Randomness", "Seeded: the noise can be repeated by whoever knows the seed."))
    elif charged(facts):
        found.append(("Randomness", "Not seeded: every private draw comes from keys of the operating system."))
    found += enlarged(facts)
    return [{"term": term, "text": text} for term, text in found]


def enlarged(facts: Facts) -> list[tuple[str, str]]:
    """Returns what is to be known of images that a second network enlarged; nothing where none did."""
    found = facts["recipe"].get("enlargement")
    if not found:
        return []
    text = (
        f"Drawn at {facts['recipe']['scans']['size']} pixels a side, then enlarged to {found['size']} by a second "
        f"network, which learned from phantoms only ({', '.join(found['phantoms'])}): its detail costs no privacy, "
        "and is what phantoms have, not what patients have."
    )
    return [("Detail", text)]
