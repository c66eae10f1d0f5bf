"""What an audit of a recipe found, as a file: written by ``medsyngen audit --out``, read by the report."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.recipe import Recipe
from medsyngen.verification.json_schema import problems
from medsyngen.verification.parsing import schema
from medsyngen.version import __version__


def audit_json(recipe: Recipe, attacked: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what an audit found, with the recipe, the part of it and the version that it is about.

    Guarantee: an audit reads no scan (``medsyngen/evaluation/auditing.py``); all of this is public.
    """
    return {
        "recipe": recipe.name,
        "recipe_sha256": recipe.sha256,
        "medsyngen": __version__,
        "patients_at_most": recipe.n_max,
        "attacked": attacked,
        **result,
    }


def check_place(path: Path) -> None:
    """Refuses a file in which an audit refuted its claim: another audit, of another part or luckier, must not hide it.

    Raises:
        UsageError: There is such a file.
    """
    try:
        found: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(found, dict) and found.get("verdict") == "VIOLATION":
        raise UsageError(
            f"{path.name} holds an audit that refuted its claim; it is not written over",
            do="write to another file; if the fault was found and mended, remove this one by hand and fit anew",
        )


def write_audit(path: Path, audit: Mapping[str, Any]) -> None:
    """Writes it; a file that is there is replaced, unless it says VIOLATION (:func:`check_place`)."""
    check_place(path)
    write_atomically(path, (json.dumps(audit, indent=1, ensure_ascii=False) + "\n").encode(), mode=0o644)


def audit_of(folder: RunFolder, recipe_sha256: str) -> dict[str, Any] | None:
    """Returns the audit in ``RUN/audit.json``; None where there is none.

    Raises:
        VerificationFailed: It can't be read, or it is about another recipe.
    """
    path = folder.audit_file
    if not path.is_file():
        return None
    try:
        found: Any = json.loads(path.read_text("utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        raise VerificationFailed(f"{path.name} of the run folder is damaged", do="make the audit again") from error
    if not isinstance(found, dict) or found.get("recipe_sha256") != recipe_sha256:
        raise VerificationFailed(
            f"{path.name} of the run folder is the audit of another recipe",
            do="audit this one (`medsyngen audit RUN/recipe.yaml --out RUN/audit.json`), or remove the file",
        )
    whole = schema("report")
    faults = problems(found, {**whole["properties"]["audit"], "$defs": whole["$defs"]})
    if faults:
        raise VerificationFailed(f"{path.name} of the run folder is damaged", do="make the audit again", details=faults)
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
