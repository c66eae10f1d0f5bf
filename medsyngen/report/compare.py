"""Two or more reports side by side: rows of a table, made from the reports' own facts and from nothing else."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from medsyngen.errors import UsageError
from medsyngen.report.ledger_table import mechanisms, of_run
from medsyngen.report.numbers import count_text, delta_text, epsilon_text, number_text, percent_text

Report = Mapping[str, Any]
_NONE = "none"


@dataclass(frozen=True)
class Row:
    """One row: what it is about, and what each report says of it."""

    title: str
    cells: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the reports say different things."""
        return len(set(self.cells)) > 1


def letters(reports: Sequence[Report]) -> list[str]:
    """Returns what each report is called: A, B and so on.

    Raises:
        UsageError: Fewer than two, or more than 26.
    """
    if not 2 <= len(reports) <= len(string.ascii_uppercase):
        raise UsageError("a comparison takes two to 26 reports", do="name two or more runs behind --compare")
    return list(string.ascii_uppercase[: len(reports)])


def groups(reports: Sequence[Report]) -> dict[str, list[Row]]:
    """Returns the table: title of a group -> its rows.

    Args:
        reports: Checked by ``check_report``.
    """
    return {
        title: [Row(what, tuple(tell(report) for report in reports)) for what, tell in rows.items()]
        for title, rows in _GROUPS.items()
    }


def ledger_of(report: Report) -> str:
    """Returns the hash of the ledger's first line, which tells ledgers apart; "" where it isn't listed."""
    return next((str(line["hash"]) for line in report["ledger"]["lines"] if line["n"] == 0), "")


def holds(report: Report) -> bool:
    """Returns whether the report claims a guarantee."""
    return report["guarantee"]["epsilon"] is not None


def _status(report: Report) -> str:
    marks = [alert["mark"] for alert in report["sentences"]["alerts"]]
    return ", ".join(marks) or ("guarantee holds" if report["ledger"]["head"] else "no scan was read")


def _epsilon(report: Report) -> str:
    return epsilon_text(report["guarantee"]["epsilon"]) if holds(report) else _NONE


def _delta(report: Report) -> str:
    told = report["guarantee"]
    return delta_text(0 if told["epsilon"] == 0 else told["delta"]) if holds(report) else _NONE


def _guess(report: Report) -> str:
    guess = report["sentences"]["guess"]
    return percent_text(guess["bound"]) if guess else "50 %: a coin" if holds(report) else "no limit"


def _found(report: Report) -> str:
    curves = report["curves"]
    if not curves:
        return "1 %: blind guessing" if report["guarantee"]["epsilon"] == 0 else "not stated"
    return next(
        (percent_text(each["share"]) for each in curves["found_at_most"] if each["false_alarms"] == 0.01), _NONE
    )


def _patients(report: Report) -> str:
    bound = report["guarantee"]["patients_at_most"]
    return _NONE if bound is None else f"{bound:,}"


def _ledger(report: Report) -> str:
    if not report["ledger"]["head"]:
        return _NONE
    kind = "of the site" if report["ledger"]["own_ledger_reason"] is None else "of this run alone"
    return f"{kind}, begins {ledger_of(report)[:8] or 'unlisted'}"


def _of_total(tell: Callable[[Mapping[str, Any]], str]) -> Callable[[Report], str]:
    def told(report: Report) -> str:
        total = report["ledger"]["total"]
        return _NONE if total is None else tell(total)

    return told


def _method(report: Report) -> str:
    return str((report["recipe"].get("synthesis") or {}).get("method", "not named"))


def _asked(report: Report) -> str:
    kinds = [str(query["kind"]) for query in report.get("queries") or ()]
    if any(stage["data"] == "private scans" for stage in report["stages"]):
        kinds.append("training")
    return ", ".join(kinds) or "nothing"


def _bands(report: Report) -> str:
    found = [stage["name"] for stage in report["stages"] if stage["data"] == "private scans"]
    return ", ".join(found) or _NONE


def _charged(tell: Callable[[Any], str]) -> Callable[[Report], str]:
    """Returns what tells one number of all charges of a run, each once, in order."""

    def told(report: Report) -> str:
        return ", ".join(dict.fromkeys(tell(m) for m in mechanisms(of_run(report["ledger"])))) or _NONE

    return told


def _steps(report: Report) -> str:
    return f"{sum(m.steps for m in mechanisms(of_run(report['ledger']))):,}"


def _clipping(report: Report) -> str:
    return number_text(report["mechanism"]["clipping_norm"]) if report["mechanism"] else _NONE


def _released(report: Report) -> str:
    out = report["release"]
    if not out:
        return "nothing yet: the run's own report"
    return count_text(out["count"], "image") if out["count"] else "the generator itself"


def _formats(report: Report) -> str:
    return ", ".join(report["release"]["formats"]) if report["release"] else _NONE


def _classes(report: Report) -> str:
    out = report["release"]
    found = sorted(out["classes"].items()) if out else []
    return ", ".join(f"{name or 'no class'}: {count:,}" for name, count in found) or _NONE


_GROUPS: dict[str, dict[str, Callable[[Report], str]]] = {
    "Guarantee": {
        "Status": _status,
        "ε of this run, per patient": _epsilon,
        "δ": _delta,
        "Chance of a right guess, at most": _guess,
        "Members found at 1 % false alarms, at most": _found,
        "N_max": _patients,
        "Accounting": lambda report: str(report["guarantee"]["accountant"]),
    },
    "Budget and ledger": {
        "ε that the recipe allows": lambda report: epsilon_text(report["guarantee"]["epsilon_budget"]),
        "Ledger": _ledger,
        "ε of the ledger, for everything": _of_total(lambda total: epsilon_text(total["epsilon_budget"])),
        "Approved by": _of_total(lambda total: total["approved_by"] or "nobody named"),
        "Runs charged so far": _of_total(lambda total: f"{total['runs']:,}"),
        "Looks at private results": lambda report: f"{report['ledger']['looks']:,}",
    },
    "Method": {
        "Method": _method,
        "What scans were asked": _asked,
        "Bands that learned from scans": _bands,
        "Steps charged": _steps,
        "Sampling rate q": _charged(lambda m: number_text(m.sampling_probability)),
        "Noise multiplier σ_DP": _charged(lambda m: number_text(m.noise_multiplier)),
        "Clipping norm C of training": _clipping,
    },
    "Released cohort": {"Released": _released, "Formats": _formats, "Images by class": _classes},
    "Software": {"medsyngen": lambda report: str(report["versions"].get("medsyngen", "not named"))},
}
