"""manifest.json: what is in a cohort, and what the gate found. No time, no rate, no count of anything private."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from medsyngen.release.checks import Verdict
from medsyngen.release.gate import Release
from medsyngen.verification.json_schema import problems
from medsyngen.verification.parsing import schema
from medsyngen.version import __version__

SCHEMA_VERSION: Final = 4
_HEX: Final = re.compile(r"[0-9a-f]{0,128}")


def manifest_bytes(release: Release, *, ledger_head: tuple[int, str], recipe_hash: str) -> bytes:
    """Returns the bytes of manifest.json.

    Args:
        release: What passed the gate.
        ledger_head: Number (from 0) and hash of the ledger's last line; (-1, "") if no scan was read: no ledger then.
        recipe_hash: Hash of the resolved recipe, hexadecimal.

    Raises:
        ValueError: A hash is not hexadecimal (the manifest is written after the gate, so no free text may enter it),
            or the manifest does not fit the schema that it is verified by.
    """
    number, digest = ledger_head
    if not (isinstance(number, int) and _HEX.fullmatch(digest) and _HEX.fullmatch(recipe_hash)):
        raise ValueError("ledger head and recipe hash must be hexadecimal digits in lower case")
    facts = release.guarantee
    content = {
        "schema_version": SCHEMA_VERSION,
        "kind": release.kind,
        "medsyngen": __version__,
        "synthetic": True,
        "guarantee": {
            "epsilon": facts.epsilon,
            "delta": facts.delta,
            "unit": facts.unit,
            "scans_read": facts.scans_read,
        },
        "recipe_sha256": recipe_hash,
        "ledger_head": {"line": number, "hash": digest},
        "gate": [_told(verdict) for verdict in release.verdicts],
        "files": {name: {"sha256": w.sha256, "bytes": w.size} for name, w in sorted(release.files.items())},
    }
    broken = problems(content, schema("manifest"))
    if broken:
        raise ValueError(f"the manifest does not fit its own schema at {broken[0]}")
    return (json.dumps(content, indent=1, allow_nan=False) + "\n").encode()


def _told(verdict: Verdict) -> dict[str, Any]:
    told: dict[str, Any] = {"check": verdict.check, "rules": [*verdict.rules], "verdict": verdict.word}
    if verdict.tool is not None:
        told["tool"] = {"name": verdict.tool.name, "version": verdict.tool.version}
    return {**told, "read": verdict.read}
