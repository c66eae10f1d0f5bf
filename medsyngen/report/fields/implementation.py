"""G: what ran, on what, and what is known not to be covered."""

from __future__ import annotations

from typing import Any

from medsyngen.report.fields.entry import Entry, Facts, Section, either, missing, reads_scans, stated, value

_LIMITS = (
    "Floating point: the guarantee is proved for real arithmetic. Clipping leaves a margin of 2^-10, norms, sums and "
    "noise are float64 and rounded once; attacks on the last bits of the noise are mitigated, not excluded.",
    "Time: how long a private step takes may depend on the patients drawn. Nobody who is bound by the guarantee sees "
    "it: a release holds no time, rate or size measured in a private phase.",
    "Side channels: memory, caches, power and the network of the machine are not considered; who has access there "
    "holds the scans.",
    "Restored copies: software can't see that an old copy of the run folder or of the ledger was put back.",
)


def implementation(facts: Facts) -> Section:
    """Returns the fields of G."""
    ran = facts["implementation"]
    unknown = "because the run was made by a version that did not record it"
    told = ran or {}
    read = reads_scans(facts)
    return {
        "version": value("Version", "software", facts["versions"]),
        "code": _recorded(told, "code", "Code that ran", unknown),
        "commit": either(
            bool(told.get("commit")),
            "Commit of the code",
            "run",
            told.get("commit"),
            "because it was installed from a package, whose files the hash above names" if ran else unknown,
        ),
        "container": stated(
            facts, "Container or machine", "container", "because a program can't see the image that it runs in"
        ),
        "hardware": _recorded(told, "machines", "Machines", unknown),
        "randomness": value("Randomness", "software", _randomness(facts, read)),
        "secure_mode": value(
            "Mode of the noise",
            "run",
            "seeded, for tests" if facts["status"]["seeded"] else "keys of the operating system",
        )
        if read
        else missing("Mode of the noise", "run", "because there was no noise to draw"),
        "precision": _recorded(told, "precision", "Floating point", unknown),
        "deterministic": _recorded(told, "deterministic", "Deterministic algorithms", unknown),
        "tests": value("Tests", "software", _TESTS),
        "known_limits": value("Known limits", "software", list(_LIMITS)),
        "access": stated(
            facts, "Who can reach scans and run folder", "access", "because it is a matter of the machine's accounts"
        )
        if read
        else missing("Who can reach scans and run folder", "run", "because no scan was read"),
        "what_leaves": value("What leaves", "run", _leaves(facts)),
    }


_TESTS = (
    "The tests of the version above hold each clause of the guarantee (sampling, clipping, noise, accounting, gate) to "
    "a slow second computation, with faults put in on purpose; whether they passed on this machine is not recorded."
)


def _recorded(told: dict[str, Any], key: str, title: str, unknown: str) -> Entry:
    return either(bool(told.get(key)), title, "run", told.get(key), unknown)


def _randomness(facts: Facts, read: bool) -> str:
    if not read:
        return "Public draws only, from the seed in the recipe."
    if facts["status"]["seeded"]:
        return "Private draws came from a seed: whoever knows it can repeat the noise."
    return (
        "Private draws: ChaCha20 or AES in counter mode (library cryptography), keyed by the operating system at each "
        "start; keys live in memory only and are never written. Public draws: from the seed in the recipe."
    )


def _leaves(facts: Facts) -> str:
    out = facts["release"]
    if not out:
        return "Nothing yet: this is the report of a run."
    if "monai-bundle" in out["formats"]:
        return "The generator's weights: whoever has them can draw as many images as they like, at the same ε."
    return (
        "Images and this report. The generator, its checkpoints and the run folder stay inside; steps that were "
        "charged are counted as if they had been released."
    )
