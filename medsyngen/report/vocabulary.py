"""The words of the report itself, known without any scan: the search for source identifiers leaves them out."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def report_vocabulary() -> tuple[str, ...]:
    """Returns the texts that reports are composed from: templates, schema, sentences."""
    folder = resources.files("medsyngen.report")
    suffixes = (".j2", ".css", ".json", ".py")
    items = [*folder.iterdir(), *folder.joinpath("fields").iterdir()]
    return tuple(
        item.read_text("utf-8") for item in sorted(items, key=lambda item: item.name) if item.name.endswith(suffixes)
    )
