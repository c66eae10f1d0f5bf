"""C: what is promised, and what the numbers allow an attacker."""

from __future__ import annotations

from medsyngen.report.fields.entry import (
    Entry,
    Facts,
    Section,
    charged,
    holds,
    missing,
    no_guarantee,
    reads_scans,
    value,
)
from medsyngen.report.numbers import count_text, delta_text, group_privacy, number_text, percent_text
from medsyngen.report.query_sentences import public_choices

_NOT_COMPUTED = "because no curve was computed for this report"
_COIN = "because no scan was read: whatever was released, no guess about a patient is better than a coin"
_NOTHING = "because nothing was charged"


def guarantee(facts: Facts) -> Section:
    """Returns the fields of C."""
    told = facts["guarantee"]
    made = {
        "privacy_unit": value(
            "Privacy unit", "software", "The patient: everything in the inputs under one patient key."
        ),
        "neighbours": value(
            "Neighbouring cohorts",
            "software",
            "Two cohorts that differ by one patient's record, added or removed: all scans, headers, label maps and "
            "rows of label and mapping files of that patient at once.",
        ),
        "unprotected": value("Not protected", "recipe", _unprotected(facts)),
    }
    if not holds(facts):
        return made | {name: missing(title, "ledger", no_guarantee(facts)) for name, title in _TITLES.items()}
    spent = charged(facts)
    patients = told["patients_at_most"]
    return {
        "variant": value(_TITLES["variant"], "software", _variant(spent)),
        **made,
        "epsilon": value(_TITLES["epsilon"], "ledger", told["epsilon"]),
        "delta": value(_TITLES["delta"], "ledger", told["delta"]),
        "delta_times_patients": value(_TITLES["delta_times_patients"], "ledger", told["delta"] * patients)
        if patients
        else missing(_TITLES["delta_times_patients"], "ledger", "because no scan was read: there is no N_max"),
        **_curves(facts),
        "group": _group(facts) if spent else missing(_TITLES["group"], "ledger", _NOTHING),
    }


_TITLES = {
    "variant": "Variant of differential privacy",
    "epsilon": "ε",
    "delta": "δ",
    "delta_times_patients": "δ · N_max",
    "epsilon_of_delta": "ε at public values of δ",
    "trade_off": "Misses of an attacker against false alarms",
    "gaussian": "The Gaussian mechanism to compare with",
    "guess": "Chance of a right guess from even odds",
    "found": "Members found at few false alarms",
    "group": "A person under two keys",
}


def _variant(spent: bool) -> str:
    if not spent:
        return "Nothing was charged: ε = 0 and δ = 0, which is every variant."
    return (
        "Approximate differential privacy, (ε, δ), read off the composed privacy loss distribution; the curves below "
        "are the whole of it."
    )


def _curves(facts: Facts) -> Section:
    curves = facts["curves"]
    names = ("epsilon_of_delta", "trade_off", "gaussian", "guess", "found")
    if curves is None:
        because = _NOT_COMPUTED if reads_scans(facts) else _COIN
        return {name: missing(_TITLES[name], "ledger", because) for name in names}
    return {
        "epsilon_of_delta": value(_TITLES["epsilon_of_delta"], "ledger", curves["epsilon_of_delta"]),
        "trade_off": value(_TITLES["trade_off"], "ledger", curves["trade_off"]),
        "gaussian": _gaussian(facts),
        "guess": value(_TITLES["guess"], "ledger", _guess(curves["guessed_right_at_most"])),
        "found": value(_TITLES["found"], "ledger", [_found(**each) for each in curves["found_at_most"]]),
    }


def _guess(bound: float) -> str:
    return (
        "Whoever holds it for as likely as not that a record was in the cohort, and knows all others, guesses right "
        f"after the release with a chance of at most {percent_text(bound)}: (1 + δ(0)) / 2."
    )


def _found(false_alarms: float, share: float) -> str:
    return (
        f"An attack that raises a false alarm for {number_text(100 * false_alarms)} % of people who were not in the "
        f"cohort finds at most {percent_text(share)} of those who were: 1 - f({number_text(false_alarms)})."
    )


def _gaussian(facts: Facts) -> Entry:
    gaussian = facts["curves"]["gaussian"]
    if gaussian is None:
        return missing(_TITLES["gaussian"], "ledger", "because none with μ up to 100 allows an attacker as much")
    mu = number_text(gaussian["mu"])
    if gaussian["exact"]:
        text = (
            f"μ-GDP with μ = {mu}, exactly but for rounding up: every patient took part in everything that was noised."
        )
    else:
        text = (
            f"No attack does better than against one Gaussian mechanism with μ = {mu}, but for a chance of at most "
            f"δ = {delta_text(gaussian['slack'])}: f(α) ≥ G_μ(α) - δ for every α. Sampling of patients is why that δ "
            "is needed; μ-GDP itself holds for a larger μ only."
        )
    return value(_TITLES["gaussian"], "ledger", {**gaussian, "text": text})


def _group(facts: Facts) -> Entry:
    told = facts["guarantee"]
    epsilon, delta = group_privacy(told["epsilon"], told["delta"], 2)
    return value(_TITLES["group"], "ledger", {"keys": 2, "epsilon": epsilon, "delta": delta})


def _unprotected(facts: Facts) -> list[str]:
    recipe = facts["recipe"]
    found = []
    if facts["guarantee"]["patients_at_most"] is not None:
        found.append(f"N_max: {count_text(facts['guarantee']['patients_at_most'], 'patient')} at most")
    named = [each for key in ("classes", "conditions") for each in recipe.get(key) or []]
    if named:
        bought = any(query["kind"] == "shares" for query in facts.get("queries") or ())
        told = ", ".join(str(each["name"]) for each in named)
        found.append(f"names{'' if bought else ' and shares'} of classes or attributes: {told}")
    scans = recipe.get("scans") or {}
    found += [f"{title}: {scans[key]}" for key, title in (("size", "image size"), ("window", "window")) if key in scans]
    found.append("spacing, modality and body part as the recipe says them")
    found.append(public_choices(facts) or "noise bands, phantoms and numbers of images and steps")
    return found
