"""From facts to the report's JSON: picked, checked for contradictions, validated against the schema."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.budget import ADJACENCY, UNIT
from medsyngen.privacy.chain import line_hash
from medsyngen.report.curves import wrong_curves
from medsyngen.report.facts import ReportFacts
from medsyngen.report.fields import fields_of
from medsyngen.report.ledger_table import mechanisms, of_run
from medsyngen.report.sentences import compose

SCHEMA_VERSION = 2
_PNG = b"\x89PNG\r\n\x1a\n"


def build_report(facts: ReportFacts) -> dict[str, Any]:
    """Returns the report as plain JSON, its sentences included.

    Args:
        facts: Public numbers and differentially private outputs only.

    Raises:
        VerificationFailed: The facts contradict each other, or don't fit the schema.
    """
    _refuse_contradictions(facts)
    holds = not (facts.not_private or facts.seeded)
    report: dict[str, Any] = {
        "kind": "medsyngen privacy report",
        "schema_version": SCHEMA_VERSION,
        "status": {"not_private": facts.not_private, "seeded": facts.seeded},
        "guarantee": {
            "unit": UNIT,
            "adjacency": ADJACENCY,
            "epsilon": facts.epsilon if holds else None,
            "delta": facts.delta if holds else None,
            "delta_at_zero": facts.delta_at_zero if holds else None,
            "epsilon_budget": facts.epsilon_budget,
            "accountant": facts.accountant,
            "patients_at_most": facts.patients_at_most,
        },
        "ledger": {
            "head": facts.ledger_head,
            "own_ledger_reason": facts.own_ledger_reason,
            "looks": facts.looks,
            "run": facts.run,
            "total": _plain(facts.total) if facts.total is not None else None,
            "lines": [_plain(line) for line in facts.ledger_lines],
            "epsilon_after": list(facts.epsilon_after) if holds else [],
        },
        "recipe": _plain(facts.recipe),
        "recipe_sha256": facts.recipe_sha256,
        "mechanism": _plain(vars(facts.mechanism)) if facts.mechanism else None,
        "stages": [_plain(vars(stage) | {"sigma_high": _finite(stage.sigma_high)}) for stage in facts.stages],
        "phantoms": [_plain(phantom) for phantom in facts.phantoms],
        "release": _plain(facts.release) if facts.release is not None else None,
        "preview": _preview(facts.preview_png),
        "versions": dict(facts.versions),
        "curves": _plain(facts.curves) if holds and facts.curves is not None else None,
        "statements": _plain(facts.statements),
        "implementation": _plain(facts.implementation),
        "audit": _plain(facts.audit),
    }
    if facts.queries:
        report["queries"] = [_plain(query) for query in facts.queries]
    report["sentences"], report["fields"] = compose(report), _plain(fields_of(report))
    check_report(report)
    return report


def report_json_bytes(report: Mapping[str, Any]) -> bytes:
    """Returns the report in its one form: keys sorted, two spaces of indent, UTF-8, a newline at the end."""
    return (json.dumps(report, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def check_report(report: Mapping[str, Any]) -> None:
    """Refuses a report that doesn't fit the schema, or whose words and numbers don't follow from its own facts.

    Raises:
        VerificationFailed: With every place that is wrong; or the report is of another version than this one writes.
    """
    if report.get("schema_version") != SCHEMA_VERSION:
        raise VerificationFailed(
            f"this report is of version {str(report.get('schema_version'))[:10]} of its schema, and this medsyngen "
            f"writes version {SCHEMA_VERSION}: its sentences can't be made again here",
            do="use the version of medsyngen that it names; `medsyngen verify` checks the rest of it here, too",
        )
    problems = sorted(f"{error.json_path}: {error.validator}" for error in _validator().iter_errors(report))
    if problems:
        raise VerificationFailed(
            "the report doesn't fit its schema",
            do="make it again with `medsyngen report`; if that fails too, report a bug with the lines below",
            details=problems,
        )
    broken = list(_not_following(report))
    if broken:
        raise VerificationFailed(
            broken[0],
            do="don't rely on this report; ask for the original, or make it again from the run",
            details=broken[1:],
        )


def _not_following(report: Mapping[str, Any]) -> Iterator[str]:
    if any(line["hash"] != line_hash(line) for line in report["ledger"]["lines"]):
        yield "a line of the ledger in this report was changed: its hash is another one"
        return
    if report["curves"] is not None:
        yield from wrong_curves(report["curves"], mechanisms(of_run(report["ledger"])))
    facts = {key: part for key, part in report.items() if key not in ("sentences", "fields")}
    if _plain(compose(facts)) != report["sentences"]:
        yield "the report's sentences don't follow from its own recipe and ledger"
    if _plain(fields_of(facts)) != report["fields"]:
        yield "the report's fields don't follow from its own facts"


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    schema = json.loads(files("medsyngen.report").joinpath("report.schema.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema)


def _refuse_contradictions(facts: ReportFacts) -> None:
    lines = facts.ledger_lines
    ours = of_run({"lines": lines, "run": facts.run})
    spent = mechanisms(ours)
    opened = next((line for line in lines if line["kind"] == "open"), None)
    private_stage = any(stage.data == "private scans" for stage in facts.stages)
    holds = not (facts.not_private or facts.seeded)
    together = facts.total["in_advance"] if facts.total else math.inf
    rules = {
        **_of_no_ledger(facts, private_stage),
        "a stage learned from private scans, but the ledger holds no charge": holds and private_stage and not spent,
        "phantoms evolved, but by no votes": any(stage.data == "evolved phantoms" for stage in facts.stages)
        and not facts.queries,
        "private scans were queried, but the ledger holds no charge": holds and bool(facts.queries) and not spent,
        "a charge without noise in a report that claims privacy": holds and any(m.noise_multiplier <= 0 for m in spent),
        "ε or δ is not a number >= 0": holds and not _sound(facts.epsilon, facts.delta),
        "ε is above 0 though nothing was charged": holds and not spent and facts.epsilon > 0,
        "ε is 0 though something was charged": holds and bool(spent) and facts.epsilon == 0,
        "fewer looks are reported than the ledger holds": facts.looks < sum(line["kind"] == "look" for line in lines),
        "ε after each line is given, but not for each line": len(facts.epsilon_after) not in (0, len(lines)),
        "ε after the last line is above the ε reported": holds and max(facts.epsilon_after, default=0) > facts.epsilon,
        "a charge holds fewer mechanisms than its block has steps": any(_underpaid(line) for line in lines),
        "a charge was seeded, and the report doesn't say so": not facts.seeded and any(x.get("seeded") for x in ours),
        "all runs together spent less than this one": holds and together < facts.epsilon * (1 - 1e-9),
        "a charge of this run was made for another recipe": any(
            line.get("recipe_sha256", facts.recipe_sha256) != facts.recipe_sha256 for line in ours
        ),
        "δ is not the ledger's": holds and opened is not None and opened["delta"] != facts.delta,
        "the ledger's reason is another": opened is not None and opened["reason"] != facts.own_ledger_reason,
        "an audit of this recipe refuted the claim, so nothing of it may be released": facts.release is not None
        and (facts.audit or {}).get("verdict") == "VIOLATION",
        "the preview is not a PNG": facts.preview_png is not None and not facts.preview_png.startswith(_PNG),
    }
    broken = [rule for rule, is_broken in rules.items() if is_broken]
    if broken:
        raise VerificationFailed(
            "the facts of the report contradict each other",
            do="check that ledger and recipe belong to this run; the report is not written",
            details=broken,
        )


def _of_no_ledger(facts: ReportFacts, private_stage: bool) -> dict[str, bool]:
    """Returns what can't be where there is no ledger, and the other way round."""
    known = (facts.ledger_lines, facts.looks, facts.delta, facts.run, facts.total, facts.patients_at_most)
    if facts.ledger_head:
        return {"there is a ledger, but no total or no bound on the patients": None in known[-2:]}
    return {
        "there is no ledger, but a stage learned from private scans": private_stage or not facts.stages,
        "there is no ledger, but something that only a ledger can say": any(known)
        or facts.own_ledger_reason is not None
        or facts.mechanism is not None
        or bool(facts.queries),
    }


def _sound(epsilon: float, delta: float) -> bool:
    return math.isfinite(epsilon) and epsilon >= 0 and 0 <= delta < 1


def _underpaid(line: Mapping[str, Any]) -> bool:
    if line["kind"] != "charge":
        return False
    first, last = line["block"]
    return sum(m.steps for m in mechanisms([line])) < int(last) - int(first)


def _preview(png: bytes | None) -> dict[str, str] | None:
    if png is None:
        return None
    return {"png_base64": base64.b64encode(png).decode(), "sha256": hashlib.sha256(png).hexdigest()}


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _plain(value: Any) -> Any:
    """Returns plain JSON: tuples as lists, mappings as dicts; refuses what JSON can't hold."""
    return json.loads(json.dumps(value, allow_nan=False, default=_mapping))


def _mapping(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} can't stand in a report")
