"""E, F and L: public inputs, what was chosen after seeing private data, and what was done to noised outputs."""

from __future__ import annotations

from typing import Any

from medsyngen.privacy.purposes import EVALUATION
from medsyngen.report.fields.entry import NO_SCAN, Entry, Facts, Section, either, missing, reads_scans, stated, value
from medsyngen.report.numbers import count_text
from medsyngen.report.query_sentences import queries_of


def public_inputs(facts: Facts) -> Section:
    """Returns the fields of E."""
    phantoms = [{key: part[key] for key in ("name", "version", "share")} for part in facts["phantoms"]]
    seed = (facts["recipe"].get("synthesis") or {}).get("seed")
    embeddings = sorted({query["embedding"] for query in queries_of(facts) if "embedding" in query})
    sources = sorted({query["source"] for query in queries_of(facts) if "source" in query})
    trained = [name for name in embeddings if name != "pixels"]
    return {
        "phantoms": either(
            bool(phantoms), "Phantoms", "recipe", phantoms, "because no phantom was drawn by program for this run"
        ),
        "seed": either(
            seed is not None, "Seed of public draws", "recipe", seed, "because the recipe names no public seed"
        ),
        "sources": either(
            bool(sources), "Public sources of images", "recipe", sources, "because no population was evolved"
        ),
        "pretrained": either(
            bool(trained), "Pre-trained networks", "recipe", trained, "because no network trained elsewhere was used"
        ),
        "overlap": stated(
            facts,
            "Overlap of public inputs with the private cohort",
            "overlap",
            "because only the hospital can know whether its patients are in sets that others trained on",
        )
        if trained or _others(facts)
        else missing(
            "Overlap of public inputs with the private cohort",
            "recipe",
            "because all public inputs are drawn by program from written ranges, and no patient is in them",
        ),
        "band_edges": _band_edges(facts),
    }


def _others(facts: Facts) -> bool:
    source = (facts["recipe"].get("synthesis") or {}).get("source") or {}
    return isinstance(source, dict) and source.get("kind", "phantom-simulator") != "phantom-simulator"


def _band_edges(facts: Facts) -> Entry:
    title = "Edges of the noise bands"
    bands = (facts["recipe"].get("synthesis") or {}).get("bands")
    if not bands or not facts["stages"]:
        return missing(title, "recipe", "because no network is trained in bands of noise")
    return value(title, "recipe", {"in_ln_sigma": bands, "set": "in the recipe, before a scan was read"})


def tuning(facts: Facts) -> Section:
    """Returns the fields of F."""
    titles = {
        "looks": "Looks at private results, not charged",
        "charged_looks": "Looks at private results, charged",
        "runs": "Runs on the ledger",
        "settings": "How settings were chosen",
        "selection": "Which state was released",
        "normalisation": "Constants of normalisation",
    }
    if not reads_scans(facts):
        made = {name: missing(titles[name], "ledger", NO_SCAN) for name in ("looks", "charged_looks", "runs")}
    else:
        made = {
            "looks": value(titles["looks"], "ledger", _looks(facts)),
            "charged_looks": _charged_looks(facts, titles["charged_looks"]),
            "runs": value(titles["runs"], "ledger", _runs(facts)),
        }
    return {
        **made,
        "settings": stated(
            facts,
            titles["settings"],
            "settings",
            "because a ledger shows looks that medsyngen was asked for, and no others",
        ),
        "selection": value(titles["selection"], "software", _selection(facts)),
        "normalisation": value(titles["normalisation"], "recipe", _normalisation(facts)),
    }


def _looks(facts: Facts) -> dict[str, Any]:
    purposes = [line["purpose"] for line in facts["ledger"]["lines"] if line["kind"] == "look"]
    return {"count": facts["ledger"]["looks"], "purposes": purposes}


def _charged_looks(facts: Facts, title: str) -> Entry:
    """Returns what figures were bought on this ledger."""
    ledger = facts["ledger"]
    found = sorted(
        {line["purpose"] for line in ledger["lines"] if line["kind"] == "charge" and line["purpose"] == EVALUATION}
    )
    return either(bool(found), title, "ledger", found, "because none was charged on this ledger")


def _runs(facts: Facts) -> str:
    lines = facts["ledger"]["lines"]
    reserved = {line["run"] for line in lines if line["kind"] == "reserve"}
    recipes = {line["recipe_sha256"] for line in lines if line["kind"] == "reserve"}
    again = sum(line["kind"] == "reserve" and line["recipe_sha256"] == facts["recipe_sha256"] for line in lines)
    if facts["ledger"]["own_ledger_reason"] is not None:
        return "Unknown: the ledger is of this run alone, and shows no other."
    return (
        f"{count_text(len(reserved), 'run')} of {count_text(len(recipes), 'recipe')}, {again} of them of this recipe; "
        "each was charged whether it was released or not."
    )


def _selection(facts: Facts) -> str:
    if not reads_scans(facts):
        return "The last planned step; there was no private figure to select by."
    return (
        "The last planned step, or after an interrupt the last checkpoint; no private figure stops, picks or steers a "
        "step: no early stopping, no best checkpoint, no schedule from private losses."
    )


def _normalisation(facts: Facts) -> dict[str, Any]:
    scans = facts["recipe"].get("scans") or {}
    told = facts["statements"].get(
        "normalisation", "Public numbers in the recipe; how they were chosen was not stated."
    )
    window = scans.get("window", "none")
    of_one = "; a function of each scan alone, not of the cohort" if window == "per-scan" else ""
    return {"window": f"{window}{of_one}", "size": scans.get("size"), "chosen": told}


def post_processing(facts: Facts) -> Section:
    """Returns the fields of L."""
    form = facts["recipe"].get("release") or {}
    found = ["values are cut to [-1, 1] and rounded to the grey levels of the files"]
    if facts["stages"]:
        found.append("weights of private steps are averaged; images are drawn by many calls of the networks")
    if queries_of(facts):
        found.append("everything that follows the noised sums: selection, variation, fitting of phantoms, drawing")
    if larger := facts["recipe"].get("enlargement"):
        found.append(
            f"images are enlarged from {facts['recipe']['scans']['size']} to {larger['size']} pixels by a network that "
            "learned from phantoms only"
        )
    if form.get("bits"):
        found.append(f"grey levels: 2^{form['bits']}")
    return {
        "steps": value("Done to noised outputs, at no cost", "software", found),
        "filters": missing(
            "Filters of images", "software", "because no image is left out by looking at private scans, or at all"
        ),
    }
