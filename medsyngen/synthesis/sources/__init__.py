"""Sources of images for Private Evolution: each makes random images and variations of given ones, and knows no scan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import MISSING, fields, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from medsyngen.errors import UsageError

if TYPE_CHECKING:
    import torch

    from medsyngen.synthesis.phantom_expert import PhantomExpert
    from medsyngen.synthesis.variation import Variation

SOURCES: dict[str, str] = {
    "phantom-simulator": "medsyngen.synthesis.sources.phantom_simulator:PhantomSimulator",
    "diffusion-variation": "medsyngen.synthesis.sources.diffusion_variation:DiffusionVariation",
    "image-pool": "medsyngen.synthesis.sources.image_pool:ImagePool",
    "composite": "medsyngen.synthesis.sources.composite:Composite",
    "monai-bundle": "medsyngen.synthesis.sources.monai_bundle:MonaiBundle",
    "user-command": "medsyngen.synthesis.sources.user_command:UserCommand",
}
"""The kinds of sources, and where each stands: a recipe that names one loads no other."""


OURS = ("size", "expert", "device")
"""Fields that a recipe says elsewhere."""


def source_from(
    said: Mapping[str, Any], size: int, *, expert: PhantomExpert | None = None, device: torch.device | None = None
) -> Variation:
    """Returns the source that a recipe describes.

    Args:
        said: ``kind``, a key of :data:`SOURCES`, and fields of its class; of ``composite`` both ``start`` and
            ``change`` are such mappings, and ``diffusion-variation`` may name the ``phantoms`` of its expert with
            their shares.
        size: Side of the images in pixels.
        expert: The public expert of ``diffusion-variation``; the default one if left out.
        device: Where ``diffusion-variation`` computes; the processor if left out.

    Raises:
        UsageError: No mapping, an unknown kind, unknown or missing fields (all are named), or fields that the source
            refuses.
    """
    kind, source = _class_of(said)
    given = {key: _plain(key, value) for key, value in said.items() if key != "kind"}
    known = {each.name for each in fields(source)}
    added: dict[str, Any] = {"size": size, "device": device}
    with _refused(kind):
        if kind == "composite":
            given = {key: source_from(part, size, expert=expert, device=device) for key, part in given.items()}
        if "expert" in known:
            added["expert"] = _expert(expert, given.pop("phantoms", None))
        added = {key: value for key, value in added.items() if key in known and value is not None}
        return cast("Variation", source(**given, **added))


def with_defaults(said: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the mapping with every default written out as plain YAML, so that a recipe's hash covers it.

    Of a diffusion model these are the phantoms, too, and the key of the expert that this version trains on them.

    Raises:
        UsageError: No mapping, an unknown kind, unknown or missing fields, or phantoms that there are not.
    """
    kind, source = _class_of(said)
    defaults = {each.name: each.default for each in fields(source) if each.default is not MISSING}
    whole = {"kind": kind, **{key: _as_yaml(value) for key, value in defaults.items() if key not in OURS}, **said}
    if kind == "composite":
        return {key: value if key == "kind" else with_defaults(value) for key, value in whole.items()}
    if "expert" in {each.name for each in fields(source)}:
        from medsyngen.synthesis.sources.diffusion_variation import key_of

        with _refused(kind):
            expert = _expert(None, said.get("phantoms"))
            whole = {**whole, "phantoms": dict(expert.phantoms), "expert_key": whole["expert_key"] or key_of(expert)}
    return whole


def _class_of(said: Any) -> tuple[str, type[Any]]:
    """Returns kind and class of a mapping whose keys fit it."""
    if not isinstance(said, Mapping):
        raise UsageError(f"a source of images is no {said!r}", do="write `kind: ...` with its fields below it")
    kind = said.get("kind")
    if not isinstance(kind, str) or kind not in SOURCES:
        raise UsageError(f"no kind of source named {kind!r}", do=f"choose `kind` from: {', '.join(SOURCES)}")
    module, name = SOURCES[kind].split(":")
    source: type[Any] = getattr(import_module(module), name)
    known = {each.name for each in fields(source)}
    allowed = (known - set(OURS)) | ({"phantoms"} if "expert" in known else set())
    _check_keys(kind, said.keys() - {"kind"}, allowed, _required(source))
    return kind, source


@contextmanager
def _refused(kind: str) -> Iterator[None]:
    try:
        yield
    except (TypeError, ValueError, AttributeError) as error:
        raise UsageError(f"the source of kind {kind!r} can't be made: {error}", do="correct its fields") from error


def _expert(expert: PhantomExpert | None, phantoms: Mapping[str, float] | None) -> PhantomExpert:
    from medsyngen.synthesis.phantom_expert import PhantomExpert

    expert = expert or PhantomExpert()
    return expert if phantoms is None else replace(expert, phantoms=phantoms)


def _check_keys(kind: str, given: Set[Any], known: set[str], required: set[str]) -> None:
    wrong = [f"unknown: {key}" for key in sorted(map(str, given - known))]
    wrong += [f"missing: {key}" for key in sorted((required & known) - given)]
    if wrong:
        raise UsageError(
            f"the source of kind {kind!r} does not have these fields: {'; '.join(wrong)}",
            do=f"its fields are: {', '.join(sorted(known))}",
        )


def _required(source: type[Any]) -> set[str]:
    return {each.name for each in fields(source) if each.default is MISSING and each.default_factory is MISSING}


def _plain(key: str, value: Any) -> Any:
    """Returns a value of YAML as the classes take it."""
    if key == "folder":
        return Path(str(value))
    return tuple(value) if isinstance(value, list) else value


def _as_yaml(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
