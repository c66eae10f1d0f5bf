"""What stands outside the guarantee, generated from the report's facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from medsyngen.report.ledger_table import mechanisms, of_run
from medsyngen.report.numbers import count_text, delta_text, epsilon_text, group_privacy
from medsyngen.report.query_sentences import public_choices
from medsyngen.report.without_scans import CHOICES, names_only, without_ledger


def outside(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Returns title and text of each thing that is not promised.

    Args:
        facts: The report without "sentences".
    """
    if facts["status"]["not_private"] or facts["status"]["seeded"]:
        return [{"title": "Everything", "text": "Without a guarantee there is nothing that it could cover."}]
    found = [("Quality", "Whether the images are faithful or useful for any purpose is not stated here.")]
    if mechanisms(of_run(facts["ledger"])):
        found = [*_of_private_training(facts), *found]
    else:
        names = [("Classes", names_only(facts))] if _declared(facts) else []
        found = [("Public choices", _public_choices(facts)), ("Choices of settings", _choices(facts)), *names, *found]
    return [{"title": title, "text": text} for title, text in found]


def _of_private_training(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (
            "Facts about groups",
            "What is true of these patients as a group can be learned from the images; that is what they are for. "
            "Such a fact may also tell something about a person who was never in the cohort.",
        ),
        ("A person under several keys", _several_keys(facts)),
        ("Public choices", _public_choices(facts)),
        (
            "The state of the inputs",
            "The guarantee is over cohorts that satisfy the preflight, one key for each patient above all. That this "
            "cohort does is attested by the hospital; the report can't show it.",
        ),
        ("Choices of settings", _choices(facts)),
        ("Other releases", _other_releases(facts)),
        (
            "What stays inside",
            "Whoever sees the run folder, terminal, logs, exit codes, timings or the ledger file is not bound by this "
            "guarantee: the data team, who hold the scans.",
        ),
        (
            "Restored copies",
            "If an old copy of the run folder or of the ledger was put back, charges may be missing here; software "
            "can't see that.",
        ),
        ("Floating point", "The guarantee is proved for real arithmetic; floating point is mitigated, not proved."),
    ]


def _several_keys(facts: Mapping[str, Any]) -> str:
    guarantee = facts["guarantee"]
    epsilon, delta = group_privacy(guarantee["epsilon"], guarantee["delta"], 2)
    pair = f"ε = {epsilon_text(epsilon)} and δ = {delta_text(delta)}"
    left = ", which is no limit at all" if delta >= 1 else ""
    return (
        "A person filed under k keys has k-fold group privacy only: the limit for changing all k records at once. "
        f"Under two keys that is {pair} for the person{left}."
    )


def _public_choices(facts: Mapping[str, Any]) -> str:
    classes = _named(facts, "classes", "classes") + _named(facts, "conditions", "attributes")
    bound = "" if facts["guarantee"]["patients_at_most"] is None else "N_max, "
    others = public_choices(facts) or "noise bands, phantoms and numbers of images and steps"
    chosen = f"{bound}{classes}sizes, intensity windows, {others}"
    return (
        f"{chosen[0].upper()}{chosen[1:]} are taken as public. "
        "What of them someone read off the scans is not protected."
    )


def _named(facts: Mapping[str, Any], key: str, words: str) -> str:
    named = [str(c["name"]) for c in facts["recipe"].get(key) or [] if isinstance(c, Mapping) and "name" in c]
    bought = any(query["kind"] == "shares" for query in facts.get("queries") or ())
    return f"{words} ({', '.join(named)}){'' if bought else ' and their shares'}, " if named else ""


def _declared(facts: Mapping[str, Any]) -> bool:
    return bool(facts["recipe"].get("classes") or facts["recipe"].get("conditions"))


def _choices(facts: Mapping[str, Any]) -> str:
    if without_ledger(facts):
        return CHOICES
    looks = facts["ledger"]["looks"]
    if looks:
        return (
            f"{count_text(looks, 'look')} at private results {'is' if looks == 1 else 'are'} on the ledger. Settings "
            "chosen after that, and the choice of this run among others, may carry something of the patients outwards."
        )
    return (
        "The ledger records no look at private results. Settings chosen after looking at the scans by other means "
        "would not be covered."
    )


def _other_releases(facts: Mapping[str, Any]) -> str:
    if facts["ledger"]["own_ledger_reason"] is not None:
        return "Other runs and other tools on the same patients are not counted: the ledger is of this run alone."
    return "What was released of the same patients by other means than the charges listed here is not counted."
