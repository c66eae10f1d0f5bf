"""The hospital's statements beside a run: words that nobody had when the recipe was frozen, or that changed since."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml

from medsyngen.errors import UsageError
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.recipe import Recipe
from medsyngen.recipe_check import check_keys, validated
from medsyngen.release.statements import Statements


def keep_statements(folder: RunFolder, source: Path) -> None:
    """Copies statements into RUN, once they are known to be in order.

    Args:
        folder: RUN.
        source: YAML with the keys of the recipe's ``report:`` section.

    Raises:
        UsageError: It can't be read, or something in it is not allowed.
    """
    said = _read(source)
    text = yaml.safe_dump(said.given(), sort_keys=False, allow_unicode=True)
    write_atomically(folder.statements_file, text.encode(), mode=0o644)


def statements_of(folder: RunFolder, recipe: Recipe) -> dict[str, Any]:
    """Returns what the hospital said: in the recipe, and over it in ``RUN/statements.yaml``; each field by its name.

    Raises:
        UsageError: The file can't be read, or something in it is not allowed.
    """
    later = _read(folder.statements_file).given() if folder.statements_file.is_file() else {}
    return dataclasses.replace(recipe.report, **_tuples(later)).given()


def _tuples(plain: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}


def _read(path: Path) -> Statements:
    try:
        plain = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UsageError("the file of statements can't be read as YAML", do="mend it, or leave it out") from error
    if not isinstance(plain, dict):
        raise UsageError("the file of statements is not a mapping of keys", do="write for instance `curator: ...`")
    check_keys(Statements, plain, "report")
    return validated(Statements, plain, "report")
