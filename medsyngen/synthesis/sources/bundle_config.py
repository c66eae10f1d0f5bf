"""The inference config of a MONAI bundle, evaluated name by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from medsyngen.errors import UsageError

_RAISED = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    NameError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    yaml.YAMLError,
)
"""What MONAI raises, and what the Python of a config may raise through it."""


@dataclass(frozen=True)
class BundleConfig:
    """A bundle's config. It may run any Python.

    Args:
        folder: Of the bundle.
        config: The config, below the folder.
        changing: Names that have another value at each call; what refers to none of them is made once.

    Raises:
        UsageError: At the first use: no folder, no such config in it, or none that MONAI can read.
    """

    folder: Path = field(repr=False)
    config: str
    changing: frozenset[str]

    def content(self, name: str, given: Mapping[str, Any], *, needs: str | None = None) -> Any:
        """Returns what a name stands for, with some names given.

        Args:
            name: To evaluate.
            given: Values of changing names.
            needs: A name without which it makes no sense: misspelt, what is given for it would be ignored in silence.

        Raises:
            UsageError: There is no such name, it can't be evaluated, or does not refer to what it needs.
        """
        parser = self._parser
        kept = dict(parser.ref_resolver.resolved_content)
        with explained(f"`{name}` of the bundle can't be evaluated"):
            parser.parse(True)
            if name not in parser.ref_resolver.items:
                raise UsageError(f"the bundle's config has no `{name}`", do=f"name what {self.config} calls it")
            if needs is not None and name not in self._dependents({needs}):
                raise UsageError(
                    f"`{name}` of the bundle does not look at `{needs}`", do="correct `image` or `vary_with`"
                )
            changed = self._dependents({name, *self.changing})
            parser.ref_resolver.resolved_content.update({key: kept[key] for key in kept.keys() - changed})
            parser.ref_resolver.resolved_content.update(given)
            return parser.get_parsed_content(name)

    def _dependents(self, names: set[str]) -> set[str]:
        """Returns these names of the parsed config and all that refer to them, at any distance."""
        from monai.bundle import ReferenceResolver

        items = self._parser.ref_resolver.items
        refers = {
            key: set(ReferenceResolver.find_refs_in_config(each.get_config(), key)) for key, each in items.items()
        }
        found, more = set(names), set(names)
        while more:
            more = {key for key, to in refers.items() if to & found} - found
            found |= more
        return found

    @cached_property
    def _parser(self) -> Any:
        if not self.folder.is_dir():
            raise UsageError(
                "the folder of the bundle is not there", do="mount or download it to where the recipe says it is"
            )
        inside = (self.folder / self.config).resolve()
        if not inside.is_relative_to(self.folder.resolve()) or not inside.is_file():
            raise UsageError(f"the bundle has no {self.config}", do="correct `config`")
        from monai.bundle import ConfigParser

        parser = ConfigParser()
        with explained(f"the bundle's {self.config} can't be read"):
            parser.read_config(str(inside))
            parser["bundle_root"] = str(self.folder)
        return parser


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turns what MONAI or a bundle raises into a refusal that tells its first line.

    Raises:
        UsageError: Anything was raised.
    """
    try:
        yield
    except _RAISED as error:
        told = next(iter(str(error).strip().splitlines()), "")[:200]
        raise UsageError(
            f"{what}: {type(error).__name__}{f': {told}' if told else ''}",
            do="try the bundle by itself (python -m monai.bundle run), then correct it or the names in the recipe",
        ) from error
