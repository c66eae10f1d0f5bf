"""I and J: what attacks showed, where they were run, and what stays inside."""

from __future__ import annotations

from medsyngen.report.fields.entry import NO_SCAN, Facts, Section, charged, missing, reads_scans, value

_INSIDE = (
    "because it is measured on private scans without a charge (`medsyngen evaluate`): its figures stay in the run "
    "folder and are looked at inside only"
)


def audit(facts: Facts) -> Section:
    """Returns the fields of I: each part of the audit's own JSON, or why there is none."""
    found = facts["audit"]
    if found is None:
        because = (
            "because none lies in the run folder (`medsyngen audit RECIPE --out RUN/audit.json`); whether one was made "
            "elsewhere is not known here"
        )
        if not charged(facts):
            because = "because nothing was charged, so there is no claim that an attack could refute"
        return {name: missing(title, "run", because) for name, title in _TITLES.items()}
    told = {
        "verdict": f"{found['verdict']}. {found['explanation']}",
        "threat_model": found["threat_model"],
        "claimed": found["claimed"],
        "size": {key: found[key] for key in ("attacked", "canaries", "repeats", "steps") if key in found},
        "attack": found["attack"],
        "control": found["control_without_noise"],
        "has_power": found["attack_has_power"],
        "by": {"medsyngen": found["medsyngen"], "on": "made-up patients; no scan was read, no budget touched"},
    }
    return {name: value(title, "run", told[name]) for name, title in _TITLES.items()}


_TITLES = {
    "verdict": "Verdict",
    "threat_model": "What the attacker knew",
    "claimed": "What was claimed",
    "size": "How much was tried",
    "attack": "What the attack showed (lower bounds, intervals, ceiling)",
    "control": "The same attack without noise (not private)",
    "has_power": "Whether the attack finds anybody where there is no noise",
    "by": "Made by",
}


def copies(facts: Facts) -> Section:
    """Returns the fields of J."""
    titles = {
        "copies": "Copies of private scans among the images",
        "membership": "Membership of single patients, tried on the scans",
        "attributes": "Attributes of single patients, tried on the scans",
        "bound": "What bounds all three",
    }
    if not reads_scans(facts):
        return {name: missing(title, "run", NO_SCAN) for name, title in titles.items()}
    inside = {name: missing(titles[name], "run", _INSIDE) for name in ("copies", "membership", "attributes")}
    bound = (
        "The guarantee: it bounds the gain of every attack on one patient's record, these among them, whether they "
        "were tried or not. It does not bound what is true of the patients as a group."
    )
    return {**inside, "bound": value(titles["bound"], "software", bound)}
