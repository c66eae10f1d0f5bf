"""Recipes: YAML on disk, one frozen object of public numbers in memory."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from medsyngen.cohort.conditions import Attribute, check_conditions
from medsyngen.cohort.labels import ClassDefinition
from medsyngen.cohort.transforms import ScanForm
from medsyngen.diffusion.sizes import plain_size
from medsyngen.errors import UsageError
from medsyngen.recipe_check import check_keys, overridden, validated
from medsyngen.release.form import ReleaseForm
from medsyngen.release.recipe_rules import check_spacing, check_window, check_written_conditions
from medsyngen.release.statements import Statements
from medsyngen.synthesis.enlargement import Enlargement

if TYPE_CHECKING:
    from medsyngen.synthesis.synthesizer import Target

METHODS = {
    "staged-diffusion": "medsyngen.synthesis.staged_diffusion:StagedDiffusion",
    "private-evolution": "medsyngen.synthesis.private_evolution:PrivateEvolution",
    "portrait": "medsyngen.synthesis.portrait:Portrait",
    "central-dp-syngen": "medsyngen.synthesis.central_dp_syngen:CentralDPSynGen",
    "evolved-dp-syngen": "medsyngen.synthesis.evolved_dp_syngen:EvolvedDPSynGen",
}
"""Every synthesis method and where it lives: the one dispatch table."""


@dataclass(frozen=True)
class PrivacySettings:
    """The budget that the recipe asks for.

    Args:
        epsilon: Of everything the run charges, for one patient's record added or removed.
        delta: None means min(1e-5, 1 / (100 N_max)); above 1 / (10 N_max) is refused.
    """

    epsilon: float
    delta: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.epsilon < 1000:
            raise ValueError(f"epsilon must lie between 0 and 1000, got {self.epsilon}")
        if self.delta is not None and not 0 < self.delta < 1:
            raise ValueError(f"delta must lie between 0 and 1, got {self.delta}")


@dataclass(frozen=True)
class Recipe:
    """Everything public about a run; no number in it may come from the scans.

    Args:
        name: Short name.
        description: For people.
        patients_at_most: N_max, a public upper bound; None only until the command line gives it, or if no scan is read.
        privacy: The budget.
        scans: How scans become images.
        classes: Declared classes with their public shares; may be empty. The short form of one attribute.
        method: Key of :data:`METHODS`.
        synthesis: The method's own frozen object.
        release: What an exported file says of itself.
        conditions: Declared attributes, independent of each other, in place of ``classes``; may be empty.
        report: What only the hospital can say, for the privacy report; may be empty.
        enlargement: How drawn images are made larger before they are released; None releases them as they are.
    """

    name: str
    privacy: PrivacySettings
    scans: ScanForm
    method: str
    synthesis: Any
    release: ReleaseForm
    description: str = ""
    patients_at_most: int | None = None
    classes: tuple[ClassDefinition, ...] = field(default=())
    conditions: tuple[Attribute, ...] = field(default=())
    report: Statements = field(default=Statements())
    enlargement: Enlargement | None = None

    def __post_init__(self) -> None:
        if self.patients_at_most is not None and self.patients_at_most < 1:
            raise ValueError(f"patients_at_most must be at least 1, got {self.patients_at_most}")
        names = [c.name for c in self.classes]
        if len(set(names)) != len(names):
            raise ValueError(f"class names must differ, got {names}")
        if self.classes and abs(sum(c.share for c in self.classes) - 1) > 1e-6:
            raise ValueError(f"class shares must add up to 1, got {sum(c.share for c in self.classes)}")
        self._check_conditions()
        check_window(self.scans.window, self.release)
        check_spacing(self.scans.spacing_mm, self.release)
        self._check_volumes()
        if self.enlargement is not None:
            self.enlargement.check_small(self.scans.side)
            self.enlargement.mix.check_size(self.enlargement.size)
        # The attributes are read with the pixels, so they travel with the form of the scans.
        object.__setattr__(self, "scans", dataclasses.replace(self.scans, attributes=self.conditions))

    def _check_volumes(self) -> None:
        if self.scans.spatial_dims == 2:
            return
        # Not inherited: what builds on a method that makes volumes says so itself.
        if not vars(type(self.synthesis)).get("makes_volumes", False):
            raise ValueError(f"{self.method} makes pictures only: `scans.spatial_dims: 3` needs staged-diffusion")
        maps = self.scans.label_maps
        self.synthesis.mix.check_size(self.scans.image_size, maps.values if maps else None)

    def _check_conditions(self) -> None:
        if self.classes and self.conditions:
            raise ValueError("`classes` is the short form of one attribute of `conditions`: give one of the two")
        check_conditions(self.conditions)
        check_written_conditions(self.conditions, self.release)

    @property
    def reads_scans(self) -> bool:
        """Whether the method learns from private scans; a method that does not say so does."""
        return getattr(self.synthesis, "reads_scans", True) is not False

    @property
    def n_max(self) -> int:
        """N_max.

        Raises:
            UsageError: It is missing.
        """
        if self.patients_at_most is None:
            raise UsageError(
                "the recipe has no patients_at_most: a public upper bound on the number of patients, never filled in "
                "from the data",
                do="add `patients_at_most: N` to the recipe or pass --patients-at-most N (`medsyngen inspect` "
                "suggests one)",
            )
        return self.patients_at_most

    @property
    def released_size(self) -> int:
        """Side of the images that are released."""
        return self.scans.side if self.enlargement is None else self.enlargement.size

    @property
    def released_form(self) -> ScanForm:
        """Scans in the form of what is released: what it is compared with."""
        return dataclasses.replace(self.scans, size=self.released_size)

    @property
    def target(self) -> Target:
        """What the method is to make."""
        from medsyngen.synthesis.synthesizer import Target

        return Target(
            size=self.scans.image_size,
            classes=tuple(c.name for c in self.classes),
            shares=tuple(c.share for c in self.classes),
            conditions=self.conditions,
        )

    def resolved(self) -> dict[str, Any]:
        """Returns the recipe as plain JSON with every default written out."""
        plain = json.loads(json.dumps(dataclasses.asdict(self)))
        plain["release"] = self.release.plain()
        del plain["scans"]["attributes"]
        # Recipes without them keep the hash that ledgers and checkpoints know.
        if not self.conditions:
            del plain["conditions"]
        if self.enlargement is None:
            del plain["enlargement"]
        plain["report"] = self.report.given()
        if not plain["report"]:
            del plain["report"]
        for later, default in (("slices", None), ("spatial_dims", 2), ("spacing_mm", None), ("label_maps", None)):
            if plain["scans"][later] == default:
                del plain["scans"][later]
        if isinstance(plain["synthesis"].get("network"), dict):
            plain["synthesis"]["network"] = plain_size(plain["synthesis"]["network"])
        plain["synthesis"] = {"method": plain.pop("method"), **plain["synthesis"]}
        return dict(plain)

    @property
    def sha256(self) -> str:
        """The hash that ledger, checkpoints and manifest name the recipe by."""
        canonical = json.dumps(self.resolved(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_yaml(self) -> str:
        """Returns the resolved recipe as YAML; loading it gives this recipe again."""
        return yaml.safe_dump(self.resolved(), sort_keys=False, allow_unicode=True)


def shipped_recipes() -> dict[str, str]:
    """Returns name -> YAML text of every recipe that ships with the package."""
    folder = resources.files("medsyngen.configs")
    texts = {item.name: item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): texts[name] for name in sorted(texts)}


def load_recipe(reference: str, overrides: Sequence[str] = (), *, patients_at_most: int | None = None) -> Recipe:
    """Loads a recipe.

    Args:
        reference: A path, or the name of a shipped recipe.
        overrides: ``a.b=c`` texts; the value is read as YAML.
        patients_at_most: N_max from the command line, over the recipe's.

    Raises:
        UsageError: No such recipe, an unknown key, a value that is not allowed: all faults at once.
    """
    text = _text(reference)
    try:
        plain = yaml.safe_load(text)
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        raise UsageError(
            f"the recipe is not YAML{f': line {where.line + 1}' if where else ''}", do="mend the line"
        ) from error
    if not isinstance(plain, dict):
        raise UsageError("the recipe is not a mapping of keys", do="start from `medsyngen recipes` and edit a copy")
    plain = overridden(plain, overrides)
    if patients_at_most is not None:
        plain["patients_at_most"] = patients_at_most
    return recipe_from(plain)


def recipe_from(plain: Mapping[str, Any]) -> Recipe:
    """Builds a recipe from plain data; see :func:`load_recipe` for what it refuses."""
    synthesis = dict(plain.get("synthesis") or {})
    method = synthesis.pop("method", None)
    if method not in METHODS:
        raise UsageError(f"synthesis.method {method!r} is not known", do=f"choose one of: {', '.join(METHODS)}")
    module, _, name = METHODS[method].partition(":")
    kind = getattr(importlib.import_module(module), name)
    check_keys(kind, synthesis, "synthesis")
    outer = {**plain, "synthesis": None, "method": method}
    check_keys(Recipe, {k: v for k, v in outer.items() if k not in ("method", "synthesis")}, "")
    return validated(Recipe, {**outer, "synthesis": validated(kind, synthesis, "synthesis")}, "")


def _text(reference: str) -> str:
    shipped = shipped_recipes()
    if reference in shipped:
        return shipped[reference]
    path = Path(reference)
    if not path.is_file():
        raise UsageError(
            f"no recipe named {reference!r}, neither a file nor a shipped one",
            do=f"give a path, or one of: {', '.join(shipped)}",
        )
    return path.read_text("utf-8")
