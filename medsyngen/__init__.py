"""Synthetic medical cohorts with patient-level differential privacy.

The front door, nothing else; loaded on first use, so that ``import medsyngen`` stays quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from medsyngen.version import __version__

if TYPE_CHECKING:
    from medsyngen.pipeline import run_recipe
    from medsyngen.recipe import Recipe, load_recipe

__all__ = ["Recipe", "__version__", "load_recipe", "run_recipe"]

_HOMES = {"Recipe": "medsyngen.recipe", "load_recipe": "medsyngen.recipe", "run_recipe": "medsyngen.pipeline"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'medsyngen' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
