"""H: who is trusted with what, and what an attacker is taken to know."""

from __future__ import annotations

from medsyngen.report.fields.entry import Facts, Section, reads_scans, stated, value


def threat(facts: Facts) -> Section:
    """Returns the fields of H."""
    return {
        "model": value(
            "Deployment model",
            "software",
            "Central: the hospital holds the scans and is trusted to run the program; nobody else sees them."
            if reads_scans(facts)
            else "Central, without scans: there was nothing to trust anybody with.",
        ),
        "actors": stated(
            facts, "Actors and trust", "actors", "because the program does not know who is trusted with what"
        ),
        "inside": value("Inside, not bound by the guarantee", "software", _INSIDE),
        "release_type": value("Number of releases", "software", _releases(facts)),
        "further_releases": stated(
            facts,
            "Further releases of these patients",
            "further_releases",
            "because only what is on the ledger is known here",
        ),
        "data_source": value("Data source", "software", "Static: the scans of one reading."),
        "access": value("Access", "software", "Not interactive: receivers get files and can ask nothing."),
        "attacker": value("Attacker of the guarantee", "software", _ATTACKER),
        "attacker_stated": stated(
            facts,
            "Attacker that the hospital expects",
            "attacker",
            "because how much an attacker really knows is a judgement about the receivers",
        ),
    }


_INSIDE = (
    "The data team, who hold the scans: run folder, terminal, logs, exit codes, timings, caches and the ledger file "
    "are theirs."
)
_ATTACKER = (
    "Knows the recipe, the code, every file released and all records but one; is bounded in no computing power and has "
    "all the time there is."
)


def _releases(facts: Facts) -> str:
    if not reads_scans(facts):
        return "Any number: nothing private stands behind them."
    if facts["ledger"]["own_ledger_reason"] is not None:
        return "One run, counted alone; any number of drawings from it at the same ε."
    return (
        "One of the runs on the ledger of the site, which bounds all of them together; any number of drawings from "
        "each at the same ε."
    )
