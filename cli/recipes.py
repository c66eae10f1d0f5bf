"""``medsyngen recipes``: which recipes ship with the package, and their text."""

from __future__ import annotations

from typing import Annotated

import typer

from .console import Console
from .options import JsonOption


def recipes(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Prints this recipe, to edit a copy.")] = None,
    json: JsonOption = False,
) -> None:
    """Lists the shipped recipes, or prints one of them.

    Example: medsyngen recipes chest-radiograph-32 > our.yaml
    """
    from medsyngen.errors import UsageError
    from medsyngen.recipe import shipped_recipes

    console = Console(machine=json)
    texts = shipped_recipes()
    if name is None:
        about = {each: _description(text) for each, text in texts.items()}
        console.result({"recipes": [{"name": each, "description": words} for each, words in about.items()]})
        console.table(("recipe", "what it is for"), list(about.items()))
        return
    if name not in texts:
        raise UsageError(f"no shipped recipe is named {name!r}", do=f"choose one of: {', '.join(texts)}")
    console.result({"name": name, "yaml": texts[name]})
    if not json:
        console.say(texts[name].rstrip())


def _description(text: str) -> str:
    import yaml

    return " ".join(str(yaml.safe_load(text).get("description", "")).split())
