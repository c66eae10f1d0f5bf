"""JSON as it was written: no name twice in an object, no NaN, no endless nesting."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from medsyngen.verification.findings import Unreadable


def read_json(path: Path) -> dict[str, Any]:
    """Returns the object in a JSON file.

    Raises:
        Unreadable: There is none, or two values have one name: readers would disagree about which counts.
    """
    try:
        found = json.loads(path.read_bytes().decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant)
    except FileNotFoundError:
        raise Unreadable(f"{path.name} is not there") from None
    except (OSError, ValueError, RecursionError):
        raise Unreadable(f"{path.name} can't be read as JSON") from None
    if not isinstance(found, dict):
        raise Unreadable(f"{path.name} holds no JSON object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(name)


@cache
def schema(name: str) -> dict[str, Any]:
    """Returns a schema that ships with the package: ``manifest``, ``report``, or ``report.1``, the older one."""
    # By path: importing the package of the report would import libraries that need not be here.
    place = {
        "manifest": "verification/manifest.schema.json",
        "report": "report/report.schema.json",
        "report.1": "report/report.schema.1.json",
    }[name]
    found: dict[str, Any] = json.loads(files("medsyngen").joinpath(*place.split("/")).read_text("utf-8"))
    return found
