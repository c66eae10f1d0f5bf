"""D: what was counted, and how."""

from __future__ import annotations

from collections import Counter
from typing import Any

from medsyngen.report.fields.entry import NO_SCAN, Facts, Section, charged, either, missing, reads_scans, value
from medsyngen.report.ledger_table import flatten, mechanisms, of_run

_TITLES = {
    "accountant": "Accountant",
    "sampling": "Sampling that was executed",
    "parts": "What was charged, part by part",
    "clipping": "Clipping norm C",
    "draws_per_scan": "Noise draws a scan, K",
    "truncation": "Cap on the sample",
    "planned": "Steps planned",
    "composition": "Composition",
    "ledger": "Ledger",
    "other_runs": "Other runs on the same ledger",
    "budget": "Budget of this run",
}


def accounting(facts: Facts) -> Section:
    """Returns the fields of D."""
    if not reads_scans(facts):
        return {name: missing(title, "ledger", NO_SCAN) for name, title in _TITLES.items()}
    ledger = facts["ledger"]
    spent = mechanisms(of_run(ledger))
    return {
        "accountant": value(_TITLES["accountant"], "software", facts["guarantee"]["accountant"]),
        "sampling": value(_TITLES["sampling"], "ledger", _sampling({m.sampling_probability for m in spent}))
        if spent
        else missing(_TITLES["sampling"], "ledger", "because nothing was charged"),
        "parts": value(_TITLES["parts"], "ledger", _parts(facts)),
        **_of_training(facts),
        "composition": value(_TITLES["composition"], "software", _composition(facts)),
        "ledger": value(_TITLES["ledger"], "ledger", _ledger(facts)),
        "other_runs": value(_TITLES["other_runs"], "ledger", _other_runs(facts)),
        "budget": value(_TITLES["budget"], "recipe", facts["guarantee"]["epsilon_budget"]),
    }


def _sampling(rates: set[float]) -> str:
    if rates == {1.0}:
        return "None: every patient took part in everything (q = 1)."
    return (
        "Poisson, of patients: in each step each patient takes part independently of all others, with the probability "
        "q of its charge. No shuffling, no fixed size."
    )


def _parts(facts: Facts) -> list[dict[str, Any]]:
    """Returns purpose, q, σ_DP and steps of all charges of this run, those that are alike in one."""
    steps: Counter[tuple[str, float, float]] = Counter()
    for line in of_run(facts["ledger"]):
        if line["kind"] == "charge":
            for m in flatten(line["event"]):
                steps[line["purpose"], m.sampling_probability, m.noise_multiplier] += m.steps
    return [
        {"purpose": purpose, "sampling_probability": q, "noise_multiplier": sigma, "steps": count}
        for (purpose, q, sigma), count in steps.items()
    ]


def _of_training(facts: Facts) -> Section:
    mechanism = facts["mechanism"]
    queries = facts.get("queries") or ()
    norms = {query["kind"]: query.get("clipping_norm", 1.0) for query in queries}
    planned = {query["kind"]: query["planned"] for query in queries}
    untrained = "because nothing was trained on private scans"
    made = {
        "draws_per_scan": missing(_TITLES["draws_per_scan"], "recipe", untrained),
        "truncation": missing(_TITLES["truncation"], "software", untrained),
    }
    if mechanism is not None:
        norms["gradient"], planned["training"] = mechanism["clipping_norm"], mechanism["planned_steps"]
        uncut = "because no sample is cut off: one of any size goes through in micro-batches with masked slots"
        made["draws_per_scan"] = value(_TITLES["draws_per_scan"], "recipe", mechanism["draws_per_scan"])
        made["truncation"] = missing(_TITLES["truncation"], "software", uncut)
    return {
        "clipping": either(bool(norms), _TITLES["clipping"], "recipe", norms, untrained),
        **made,
        "planned": either(bool(planned), _TITLES["planned"], "recipe", planned, untrained),
    }


def _composition(facts: Facts) -> str:
    within = (
        "Within a run, whose charges are fixed by its recipe: the privacy loss distributions of all steps are "
        "composed, and ε is read off once, at the ledger's δ."
    )
    if facts["ledger"]["own_ledger_reason"] is not None:
        return f"{within} Nothing else is composed with it: the ledger is of this run alone."
    return f"{within} Across runs, each chosen in the light of earlier ones: a Rényi filter over whole runs."


def _ledger(facts: Facts) -> dict[str, Any]:
    ledger = facts["ledger"]
    own = ledger["own_ledger_reason"]
    return {
        "head": ledger["head"],
        "run": ledger["run"],
        "lines": len(ledger["lines"]),
        "of": "the site" if own is None else f"this run alone; reason given: {own}",
        "charges_of_this_run": sum(line["kind"] == "charge" for line in of_run(ledger)),
    }


def _other_runs(facts: Facts) -> dict[str, Any]:
    total = facts["ledger"]["total"] or {}
    return {
        "runs_charged": total.get("runs", 0) - charged(facts),
        "epsilon_of_all_fixed_in_advance": total.get("in_advance", 0.0),
        "epsilon_of_all_by_filter": total.get("by_filter", 0.0),
        "epsilon_budget_of_the_ledger": total.get("epsilon_budget", 0.0),
    }
