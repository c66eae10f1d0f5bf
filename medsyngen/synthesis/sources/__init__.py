"""Sources of images for Private Evolution: each makes random images and variations of given ones, and knows no scan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from medsyngen.errors import UsageError

if TYPE_CHECKING:
    import torch

    from medsyngen.synthesis.phantom_expert import PhantomExpert
    from medsyngen.synthesis.variation import Variation

SOURCES: dict[str, str] = {
    "phantom": "medsyngen.synthesis.sources.phantom_simulator:PhantomSimulator",
    "diffusion": "medsyngen.synthesis.sources.diffusion_variation:DiffusionVariation",
    "pool": "medsyngen.synthesis.sources.image_pool:ImagePool",
    "composite": "medsyngen.synthesis.sources.composite:Composite",
    "monai-bundle": "medsyngen.synthesis.sources.monai_bundle:MonaiBundle",
    "command": "medsyngen.synthesis.sources.user_command:UserCommand",
}
"""The kinds of sources, and where each stands: a recipe that names one loads no other."""


def source_from(
    said: Mapping[str, Any], size: int, *, expert: PhantomExpert | None = None, device: torch.device | None = None
) -> Variation:
    """Returns the source that a recipe describes.

    Args:
        said: ``kind``, a key of :data:`SOURCES`, and fields of its class; of ``composite`` both ``start`` and
            ``change`` are such mappings.
        size: Side of the images in pixels.
        expert: The public expert of the recipe, for ``diffusion``.
        device: Where ``diffusion`` computes; the processor if left out.

    Raises:
        UsageError: An unknown kind, unknown or missing fields (all are named), or fields that the source refuses.
    """
    kind = said.get("kind")
    if kind not in SOURCES:
        raise UsageError(f"no kind of source named {kind!r}", do=f"choose `kind` from: {', '.join(SOURCES)}")
    module, name = SOURCES[kind].split(":")
    source: type[Any] = getattr(import_module(module), name)
    known = {each.name: each for each in fields(source)}
    ours = {"size": size, "expert": expert, "device": device}
    given = {key: value for key, value in said.items() if key != "kind"}
    _check_keys(kind, given, {key for key in known if key not in ours}, _required(source))
    if kind == "composite":
        given = {key: source_from(_mapping(part), size, expert=expert, device=device) for key, part in given.items()}
    plain = {key: _plain(key, value) for key, value in given.items()}
    added = {key: value for key, value in ours.items() if key in known and value is not None}
    if "expert" in known and expert is None:
        from medsyngen.synthesis.phantom_expert import PhantomExpert

        added["expert"] = PhantomExpert()
    try:
        return cast("Variation", source(**plain, **added))
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the source of kind {kind!r} can't be made: {error}", do="correct its fields") from error


def _check_keys(kind: str, given: Mapping[str, Any], known: set[str], required: set[str]) -> None:
    wrong = [f"unknown: {key}" for key in sorted(given.keys() - known)]
    wrong += [f"missing: {key}" for key in sorted((required & known) - given.keys())]
    if wrong:
        raise UsageError(
            f"the source of kind {kind!r} does not have these fields: {'; '.join(wrong)}",
            do=f"its fields are: {', '.join(sorted(known))}",
        )


def _required(source: type[Any]) -> set[str]:
    return {each.name for each in fields(source) if each.default is MISSING and each.default_factory is MISSING}


def _mapping(part: Any) -> Mapping[str, Any]:
    return part if isinstance(part, Mapping) else {"kind": part}


def _plain(key: str, value: Any) -> Any:
    """Returns a value of YAML as the classes take it."""
    if key == "folder":
        return Path(str(value))
    return tuple(value) if isinstance(value, list) else value
