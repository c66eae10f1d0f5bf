"""Sentences about what private scans were asked beside training on them, or in place of it: votes or a sum, noised.

A query is plain JSON with its ``kind``; each kind has its sentences here, made from the query, the charges and the
guarantee alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from medsyngen.privacy.purposes import PROPORTIONS, TRAINING
from medsyngen.report.ledger_table import Mechanism, mechanisms, of_run
from medsyngen.report.numbers import count_text, number_text

Facts = Mapping[str, Any]


def queries_of(facts: Facts) -> Sequence[Facts]:
    """Returns the queries of a report; none where scans were trained on and asked nothing."""
    found: Sequence[Facts] = facts.get("queries") or ()
    return found


def learned(facts: Facts) -> list[str]:
    """Returns what was learned from what, in place of stages of training or before them."""
    found = [(query, charges_of_queries(facts, query["kind"])) for query in queries_of(facts)]
    return [sentence for query, charges in found for sentence in _LEARNED[query["kind"]](query, charges, facts)]


def query_details(facts: Facts) -> list[tuple[str, str]]:
    """Returns term and text of each item of the mechanism."""
    charges = charges_of_queries(facts)
    sigmas = ", ".join(number_text(sigma) for sigma in sorted({m.noise_multiplier for m in charges}))
    found = [("Sampling", "None: every patient takes part in every query (q = 1).")]
    for query in queries_of(facts):
        found += _DETAILS[query["kind"]](query, charges_of_queries(facts, query["kind"]))
    return [*found, ("Noise", f"Gaussian, on every entry; noise multiplier σ_DP = {sigmas}.")]


def charges_of_queries(facts: Facts, kind: str = "") -> list[Mechanism]:
    """Returns what the run was charged for its queries, or those of a kind: all of it but for training on scans."""
    lines = [line for line in of_run(facts["ledger"]) if not _of_training(facts, line)]
    return mechanisms(
        [line for line in lines if not kind or (line.get("purpose") == PROPORTIONS) == (kind == "shares")]
    )


def charges_of_training(facts: Facts) -> list[Mechanism]:
    """Returns what the run was charged for private training."""
    return mechanisms([line for line in of_run(facts["ledger"]) if _of_training(facts, line)])


def _of_training(facts: Facts, line: Facts) -> bool:
    if not queries_of(facts):
        return True
    return facts["mechanism"] is not None and line.get("purpose") == TRAINING


def public_choices(facts: Facts) -> str:
    """Returns what else was taken as public, behind N_max and classes."""
    found = "; ".join(_CHOICES[query["kind"]] for query in queries_of(facts) if query["kind"] in _CHOICES)
    return f"{found}; noise bands, phantoms and numbers of steps" if found and facts["stages"] else found


def _votes_learned(query: Facts, charges: Sequence[Mechanism], facts: Facts) -> list[str]:
    rounds = sum(m.steps for m in charges)
    ahead = f", each judged by the mean over {query['lookahead']} variations of it" if query["lookahead"] else ""
    taken = (
        f"{count_text(rounds, 'noisy histogram')} of votes, one a round, each over a population of "
        f"{count_text(query['members'], 'synthetic image')}."
    )
    these = "these histograms"
    if any(each["kind"] == "shares" for each in queries_of(facts)):
        taken, these = f"the noisy sum of class proportions, and {taken}", f"that sum, {these}"
    return [
        _first_words(facts).format(taken, these=these),
        f"Images are made and varied by: {query['source']}. This source gets populations chosen by noisy votes and "
        "public random numbers, never a scan.",
        "A scan's votes go to the images nearest to it in the features "
        f"“{query['embedding']}”{ahead}. The features are fixed and public; nothing about them was fitted to these "
        "scans.",
    ]


def _first_words(facts: Facts) -> str:
    if not facts["stages"]:
        return (
            "No network was trained on private scans. All that was taken from them: {} Everything else is computed "
            "from {these} and public numbers: who lives on, how it is varied, every image drawn."
        )
    evolved = (
        "Everything about the evolved phantoms is computed from {these} and public numbers: who lives on, "
        "how it is varied, every phantom of the training set and its class, and what a network learned from them."
    )
    if facts["mechanism"] is None:
        return f"No network was trained on private scans. All that was taken from them: {{}} {evolved}"
    return f"Patients were first asked for votes: {{}} {evolved} Private training is a second part, charged beside it."


def _shares_learned(query: Facts, charges: Sequence[Mechanism], _: Facts) -> list[str]:
    taken = count_text(sum(m.steps for m in charges), "noisy sum")
    return [
        f"Class proportions were bought of the patients: {taken} of {count_text(query['classes'], 'number')} each, "
        "the share of the scans that are of each class. How many images each class has is computed from it; no class "
        "has less than the share of one image of the population.",
    ]


def _shares_details(query: Facts, charges: Sequence[Mechanism]) -> list[tuple[str, str]]:
    sigmas = ", ".join(number_text(m.noise_multiplier) for m in charges)
    return [
        (
            "Class proportions",
            f"Each patient adds one vector of {count_text(query['classes'], 'number')}, the shares of the scans that "
            f"are of each class, of length at most 1. Noise of σ_DP = {sigmas} is added to every number of the sum, "
            f"once ({query['planned']:,} planned).",
        )
    ]


def _votes_details(query: Facts, charges: Sequence[Mechanism]) -> list[tuple[str, str]]:
    near = "the image" if query["neighbours"] == 1 else f"the {query['neighbours']} images"
    rounds = sum(m.steps for m in charges)
    return [
        (
            "Votes",
            f"Every scan of a patient votes for {near} nearest to it; all votes of the patient, over all scans and "
            "classes together, are one vector, scaled to length 1. Noise of σ_DP is added to the sum for every image "
            "of every class, those without a vote included.",
        ),
        ("Rounds charged", f"T = {rounds:,} ({query['planned']:,} planned)"),
    ]


_MEASURES = {
    "detail": "how strong edges are, in cells of the picture and at three scales",
    "tone": "how often each grey occurs",
    "layout": "mean grey in cells of the picture",
    "encoder": "what a network that was trained on phantoms reads off it",
}


def _sum_learned(query: Facts, charges: Sequence[Mechanism], _: Facts) -> list[str]:
    taken = count_text(sum(m.steps for m in charges), "noisy sum")
    each = query["entries"] // query["classes"] - 1
    share = "a one, which counts the patient,"
    if query["classes"] > 1:
        share = f"for each of {query['classes']} classes the share of the scans that are of the class,"
    measures = "; ".join(_MEASURES[name] for name in query["measures"])
    return [
        f"No network was trained on private scans. All that was taken from them: {taken} of "
        f"{count_text(query['entries'], 'number')} a patient. Everything else is computed from it and public numbers.",
        f"The numbers of a patient are {share} and "
        f"{count_text(each, 'number')} that say how these differ from phantoms, averaged over the scans. They are read "
        f"off a picture along directions in which phantoms differ most: {measures}. The directions were fixed on "
        "phantoms; nothing about them was fitted to these scans.",
        f"Phantoms whose mean numbers are those of the noisy sum were then looked for, "
        f"{count_text(query['members'], 'phantom')} in all. Every image is drawn from them.",
    ]


def _central_learned(query: Facts, charges: Sequence[Mechanism], facts: Facts) -> list[str]:
    taken = count_text(sum(m.steps for m in charges), "noisy sum")
    each = query["entries"] // query["classes"] - 1
    share = "a one, which counts the patient,"
    if query["classes"] > 1:
        share = f"for each of {query['classes']} classes the share of the scans that are of the class,"
    told = f"{taken} of {count_text(query['entries'], 'number')} a patient."
    first = f"No network was trained on private scans. All that was taken from them: {told}"
    if facts["mechanism"] is not None:
        first = f"Patients were first asked for a mean: {told} Private training is a second part, charged beside it."
    return [
        first,
        f"The numbers of a patient are {share} and the mean picture of the patient's scans, as "
        f"{count_text(each, 'number')}: its places along the directions in which phantoms differ most. The directions "
        "were fixed on phantoms; nothing about them was fitted to these scans.",
        "What the networks draw is moved until its mean pictures are those of the noisy sum. That is computed from the "
        "sum, from drawings of the networks and from public numbers.",
    ]


def _sum_details(query: Facts, charges: Sequence[Mechanism]) -> list[tuple[str, str]]:
    norm = number_text(query["clipping_norm"])
    return [
        (
            "Sum",
            f"Each patient adds one vector of {count_text(query['entries'], 'number')}, over all scans and classes "
            f"together; if it is longer than C = {norm} it is shortened to that length. Noise of σ_DP · C is added to "
            "every number of the sum, those of classes without a scan included.",
        ),
        ("Denominator", "The sum is divided by N_max, never by a count of the patients."),
        ("Sums charged", f"{sum(m.steps for m in charges):,} ({query['planned']:,} planned)"),
    ]


_LEARNED = {
    "votes": _votes_learned,
    "sum": _sum_learned,
    "central images": _central_learned,
    "shares": _shares_learned,
}
_DETAILS = {"votes": _votes_details, "sum": _sum_details, "central images": _sum_details, "shares": _shares_details}
_CHOICES = {
    "votes": "source of images, features, degrees of variation, numbers of images and of rounds",
    "sum": "phantoms, what is read off a picture, C, numbers of phantoms and images",
    "central images": "phantoms, directions in which pictures are read, C, numbers of phantoms and drawings",
}
