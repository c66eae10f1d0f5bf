"""What a reviewer should look at when reports stand side by side; every sentence follows from the reports' facts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

from medsyngen.report.compare import Report, holds, ledger_of
from medsyngen.report.compare_recipes import recipe_differences
from medsyngen.report.ledger_table import mechanisms, of_run
from medsyngen.report.numbers import count_text, epsilon_text, pair_text


def to_look_at(reports: Sequence[Report], names: Sequence[str]) -> list[str]:
    """Returns what differs in a way that matters for the promise, the gravest first; empty if nothing does.

    Args:
        reports: Checked, two or more.
        names: What each is called.
    """
    rules = (_alerts, _forks, _same_run, _deltas, _epsilons, _patients, _looks, _ledgers, _bands, _recipes, _counting)
    return [sentence for rule in rules for sentence in rule(reports, names)]


def together(reports: Sequence[Report], names: Sequence[str]) -> list[str]:
    """Returns what is promised to a patient whose record is in several of the runs.

    Args:
        reports: Checked, two or more.
        names: What each is called.
    """
    sound = [(report, name) for report, name in zip(reports, names, strict=True) if holds(report)]
    left_out = [name for report, name in zip(reports, names, strict=True) if not holds(report)]
    charged = [(r, n) for r, n in sound if mechanisms(of_run(r["ledger"]))]
    found = [f"Of {_listed(left_out)} nothing can be counted: there is no guarantee."] if left_out else []
    free = [name for report, name in sound if (report, name) not in charged]
    if free:
        found.append(f"{_listed(free)} {_cost(free)} a patient nothing: no private scan was used.")
    ledgers: dict[str, list[tuple[Report, str]]] = {}
    for report, name in charged:
        ledgers.setdefault(ledger_of(report) or name, []).append((report, name))
    found += [_on_one_ledger(several) for several in ledgers.values() if len(several) > 1]
    if len(ledgers) > 1:
        found.append(_on_several_ledgers(list(ledgers.values())))
    return found


def _on_one_ledger(several: Sequence[tuple[Report, str]]) -> str:
    newest = max((report for report, _ in several), key=lambda report: len(report["ledger"]["lines"]))
    total, delta = newest["ledger"]["total"], newest["guarantee"]["delta"]
    runs = len({report["ledger"]["run"] for report, _ in several})
    which = f"{_listed([name for _, name in several])} were charged to one ledger"
    all_runs = count_text(total["runs"], "run")
    if runs == 1:
        return f"{which}, as one run: what one of them cost is not paid again by the other."
    if _forked(several):
        return f"{which}, which goes on differently in them: no report counts them together, and no total can be told."
    limit = f"{which}. As its newest report knows it, all {all_runs} on it together are "
    sure = f"{pair_text(total['in_advance'], delta)}, had all been fixed in advance"
    if total["admits_more"]:
        sure += "; as the filter counts, which holds though each was chosen after the others, ε = "
        sure += f"{epsilon_text(total['by_filter'])}; the ledger's limit is ε = {epsilon_text(total['epsilon_budget'])}"
    return f"{limit}{sure}."


def _forked(several: Sequence[tuple[Report, str]]) -> bool:
    """Whether the reports' ledger goes on differently in them: then the newest does not know what the others paid."""
    newest = max((report for report, _ in several), key=lambda report: len(report["ledger"]["lines"]))
    known = {line["hash"] for line in newest["ledger"]["lines"]}
    return any(line["hash"] not in known for report, _ in several for line in report["ledger"]["lines"])


def _on_several_ledgers(ledgers: Sequence[Sequence[tuple[Report, str]]]) -> str:
    names = _listed([name for several in ledgers for _, name in several])
    if any(_forked(several) for several in ledgers):
        return (
            f"{names} were charged to {len(ledgers)} ledgers, and one goes on differently in them: no sum can be told."
        )
    epsilon = delta = 0.0
    for several in ledgers:
        newest = max((report for report, _ in several), key=lambda report: len(report["ledger"]["lines"]))
        runs = {report["ledger"]["run"] for report, _ in several}
        epsilon += newest["ledger"]["total"]["in_advance"] if len(runs) > 1 else newest["guarantee"]["epsilon"]
        delta += newest["guarantee"]["delta"]
    return (
        f"{names} were charged to {len(ledgers)} ledgers, and no ledger counts them together. A patient whose record "
        f"is in all of them is promised {pair_text(epsilon, min(delta, 1.0))} in all, by adding up, had they been "
        "fixed in advance; what else was charged to these ledgers may come on top."
    )


def _alerts(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    for report, name in zip(reports, names, strict=True):
        for alert in report["sentences"]["alerts"]:
            yield f"{name} is marked {alert['mark']}. {alert['text']}"


def _forks(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    for (one, first), (two, second) in combinations(zip(reports, names, strict=True), 2):
        if not ledger_of(one) or ledger_of(one) != ledger_of(two):
            continue
        known = {line["n"]: line["hash"] for line in one["ledger"]["lines"]}
        if any(known.get(line["n"], line["hash"]) != line["hash"] for line in two["ledger"]["lines"]):
            yield (
                f"The ledgers of {first} and {second} begin alike and go on differently. A ledger has one history: "
                "somebody went on from an old copy, and neither report counts what the other was charged. Find out why "
                "before anything is released."
            )


def _same_run(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    for (one, first), (two, second) in combinations(zip(reports, names, strict=True), 2):
        if one["ledger"]["run"] and one["ledger"]["run"] == two["ledger"]["run"]:
            yield f"{first} and {second} are reports of one run; what patients paid for it is counted once."


def _deltas(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    found = {n: r["guarantee"]["delta"] for r, n in _spent(reports, names)}
    if len(set(found.values())) > 1:
        yield f"δ differs between {_listed(list(found))}: ε can't be held against ε as they stand."


def _epsilons(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    found = sorted(_spent(reports, names), key=lambda pair: float(pair[0]["guarantee"]["epsilon"]))
    if len(found) < 2 or _epsilon(found[0][0]) == _epsilon(found[-1][0]):
        return
    (least, best), (most, worst) = found[0], found[-1]
    pair = f"ε = {_epsilon(most)} against {_epsilon(least)}"
    if least["sentences"]["guess"]["bound"] > most["sentences"]["guess"]["bound"]:
        yield (
            f"{worst} has the larger ε ({pair}), but {best} leaves a guesser the better chance: neither promise is the "
            "stronger throughout. Hold the curves below against each other."
        )
    else:
        yield f"{worst} promises a patient less than {best}: {pair}. Ask what the weaker promise is needed for."


def _epsilon(report: Report) -> str:
    return epsilon_text(report["guarantee"]["epsilon"])


def _patients(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    found = {n: r["guarantee"]["patients_at_most"] for r, n in zip(reports, names, strict=True)}
    known = {name: bound for name, bound in found.items() if bound is not None}
    if len(set(known.values())) > 1:
        told = ", ".join(f"{name}: {bound:,}" for name, bound in known.items())
        yield f"N_max differs ({told}). It must be public and not counted from scans; ask where each number is from."


def _looks(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    for report, name in zip(reports, names, strict=True):
        if report["ledger"]["looks"]:
            yield (
                f"Before {name} came {count_text(report['ledger']['looks'], 'look')} at private results. Where {name} "
                "differs from the others, ask whether the choice was made after it: no ε covers that."
            )


def _ledgers(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    for report, name in zip(reports, names, strict=True):
        if report["ledger"]["own_ledger_reason"] is not None:
            yield f"{name} has a ledger of its own: what other runs spent on the same patients is not in its ε."
    ledgers = {name: ledger_of(report) for report, name in _spent(reports, names)}
    if len(set(ledgers.values())) > 1:
        yield f"{_listed(list(ledgers))} are not on one ledger. If patients are in several, their losses add up."


def _bands(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    found = {
        name: sorted(stage["name"] for stage in report["stages"] if stage["data"] == "private scans")
        for report, name in zip(reports, names, strict=True)
    }
    if len({tuple(bands) for bands in found.values()}) > 1:
        told = "; ".join(f"{name}: {', '.join(bands) or 'none'}" for name, bands in found.items())
        yield f"Private scans taught different bands ({told})."


def _recipes(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    places = [each for each in recipe_differences([report["recipe"] for report in reports]) if each.to_look_at]
    if places:
        first = ", ".join(each.place for each in places[:4])
        more = f" and {len(places) - 4} more" if len(places) > 4 else ""
        count = count_text(len(places), "place")
        yield f"Their recipes differ in {count} about the promise or the scans ({first}{more}); see the table below."


def _counting(reports: Sequence[Report], names: Sequence[str]) -> Iterator[str]:
    accountants = {r["guarantee"]["accountant"] for r, _ in _spent(reports, names)}
    versions = {r["versions"].get("medsyngen") for r in reports}
    if len(accountants) > 1 or len(versions) > 1:
        yield "They were made or counted by different versions of the software; `medsyngen verify` counts again."


def _spent(reports: Sequence[Report], names: Sequence[str]) -> list[tuple[Report, str]]:
    """Returns the reports with a guarantee that something was charged for."""
    return [(r, n) for r, n in zip(reports, names, strict=True) if r["guarantee"]["epsilon"]]


def _cost(names: Sequence[str]) -> str:
    return "costs" if len(names) == 1 else "cost"


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
