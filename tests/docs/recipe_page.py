"""docs/reference/recipe.md: every field of every method, with what it means and what is allowed."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from medsyngen.cohort.conditions import Attribute
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.cohort.slices import Slices
from medsyngen.recipe import METHODS, Recipe, load_recipe, shipped_recipes
from medsyngen.synthesis.sources import OURS, SOURCES
from tests.docs.fields import Field, fields_of, nested, plain

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "recipe.md"
# Objects that no shipped recipe holds, to ask for what is allowed.
EXAMPLES: dict[type, Any] = {
    Slices: Slices(),
    ClassDefinition: ClassDefinition("normal", "0", 1.0),
    Attribute: Attribute("finding", (ClassDefinition("normal", "0", 1.0),)),
}
METHOD = {
    "kind": "[keys](#stageddiffusion)",
    "meaning": f"`method`, one of {', '.join(f'`{name}`' for name in METHODS)}, and the keys of that method.",
}
"""In a recipe the method's name stands among the method's own keys."""
TOP = """\
# Recipe reference

<!-- Written by `make reference` from the code; a test compares. -->

A recipe is one YAML file. Everything in it is public, and the report prints it: no number may come from the scans.
Start from `medsyngen init` or from a shipped one (`medsyngen recipes chest-radiograph-32 > ours.yaml`), whose comments
say the same in fewer words; or change one value on the command line with `--set privacy.epsilon=4`. An unknown key, a
wrong type or a value that is not allowed is refused, all at once, before a scan is read.

**Default** is what holds where the key is left out (– : it must be given; … : it has keys of its own); shipped recipes
write out what they chose, which may differ. **Allowed** is what the program says to values that make no sense. Fields
that several methods share stand once.

| keys | where |
|---|---|
"""


def class_at(reference: str) -> type:
    """Imports ``module:Class``."""
    module, _, name = reference.partition(":")
    return getattr(importlib.import_module(module), name)  # type: ignore[no-any-return]


def places() -> dict[type, list[str]]:
    """Returns every class whose fields a recipe may write, and where in a recipe it stands."""
    found: dict[type, dict[str, list[str]]] = {}

    def add(kind: type, where: str, when: str) -> None:
        found.setdefault(kind, {}).setdefault(where, []).append(when)
        for name, inner in nested(kind):
            add(inner, f"{where}.{name}".lstrip("."), when)

    add(Recipe, "", "")
    for method, reference in METHODS.items():
        add(class_at(reference), "synthesis", f"`{method}`")
    for kind, reference in SOURCES.items():
        found[class_at(reference)] = {"source": [f"`kind: {kind}`"]}
    return {kind: [said(where, whens) for where, whens in each.items()] for kind, each in found.items()}


def said(where: str, whens: list[str]) -> str:
    """Says where in a recipe a class stands, and with which methods."""
    when = ", ".join(dict.fromkeys(filter(None, whens)))
    return (f"`{where}`" if where else "the recipe itself") + (f" ({when})" if when else "")


def examples() -> dict[type, Any]:
    """Returns an object of each class that a shipped recipe holds."""
    found = dict(EXAMPLES)

    def add(value: Any) -> None:
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            found.setdefault(type(value), value)
            for each in dataclasses.fields(value):
                add(getattr(value, each.name))

    for name in shipped_recipes():
        add(load_recipe(name, patients_at_most=3000))
    return found


def written(kind: type, example: Any) -> list[Field]:
    """Returns the fields that a recipe may write for a class; what it says elsewhere is left out."""
    sources = {class_at(reference) for reference in SOURCES.values()}
    left_out = OURS if kind in sources else ("method",) if kind is Recipe else ()
    fields = [field for field in fields_of(kind, example) if field.name not in left_out]
    return [replace(field, **METHOD) if (kind, field.name) == (Recipe, "synthesis") else field for field in fields]


def section(kind: type, where: list[str], example: Any) -> Iterator[str]:
    """Yields the lines of one class."""
    yield f"## {kind.__name__}\n"
    yield f"At {'; '.join(where)}.\n" if where != ["the recipe itself"] else "The outermost keys.\n"
    yield plain((inspect.getdoc(kind) or "").partition("\n\n")[0]) + "\n"
    yield "| field | type | default | allowed | what it is |"
    yield "|---|---|---|---|---|"
    for one in written(kind, example):
        cells = (f"`{one.name}`", one.kind, one.default, "; ".join(one.allowed), one.meaning)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


def page() -> str:
    """Returns the whole page."""
    known, all_places = examples(), places()
    lines = [
        f"| [{kind.__name__}](#{kind.__name__.lower()}) | {'; '.join(said)} |" for kind, said in all_places.items()
    ]
    lines.append("")
    for kind, said in all_places.items():
        lines += section(kind, said, known.get(kind))
    return TOP + "\n".join(lines).rstrip() + "\n"
