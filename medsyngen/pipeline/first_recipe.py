"""A first recipe of one's own from public facts: the shipped one that `plan` names, with these facts written in."""

from __future__ import annotations

import json
import shlex
import textwrap
from dataclasses import dataclass, replace
from typing import Any

import yaml

from medsyngen.errors import UsageError
from medsyngen.phantoms.catalogue import phantom as known_phantom
from medsyngen.pipeline.recipe_text import with_head, with_value
from medsyngen.pipeline.usual_modalities import USUAL, UsualModality, usual
from medsyngen.planning.recommend import STAGED, Recommendation, recommend
from medsyngen.planning.verdict import enough_patients
from medsyngen.privacy.budget import Budget, checked_delta, shown
from medsyngen.recipe import Recipe, load_recipe, recipe_from, shipped_recipes

_DRAWN = {
    "portrait": ("synthesis.phantom", "{}"),
    "private-evolution": ("synthesis.source.phantom", "{}"),
    "staged-diffusion": ("synthesis.phantoms", "shares"),
    "central-dp-syngen": ("synthesis.phantoms", "shares"),
}
"""Where the recipes that may be proposed say what is drawn."""
_HEAD = """\
Made by `medsyngen init` from public facts: what was said on its command line, and the shipped recipe
`{shipped}`, proposed for up to {patients} patients at ε = {epsilon}:
{why}

Everything in a recipe is public: the privacy report prints it. No number in it may come from the scans; choose each
from what was known before. Change what you like in here, or override it on the command line (--set privacy.epsilon=4).
Then: `medsyngen plan` with this file tells what it costs, before any scan is read."""


@dataclass(frozen=True)
class PublicFacts:
    """What may be said before any scan is read.

    Args:
        modalities: DICOM codes to take.
        size: Pixels a side.
        patients_at_most: N_max.
        epsilon: The budget.
        classes: Name, label and share of each; may be empty.
        phantom: What to draw, or None for what is usual of the modality.
    """

    modalities: tuple[str, ...]
    size: int
    patients_at_most: int
    epsilon: float = 8.0
    classes: tuple[tuple[str, str, float], ...] = ()
    phantom: str | None = None


def parse_classes(text: str) -> tuple[tuple[str, str, float], ...]:
    """Returns classes from ``normal=0:0.6,abnormal=1:0.4``: name, label text, share.

    Left out, the label is the name, and the shares are equal.

    Raises:
        UsageError: It can't be understood.
    """
    do = 'write them as --classes "normal=0:0.6,abnormal=1:0.4": name=label:share'
    found: list[tuple[str, str, float | None]] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        said, colon, share = part.partition(":")
        name, _, label = said.partition("=")
        try:
            found.append((name.strip(), label.strip() or name.strip(), float(share) if colon else None))
        except ValueError as error:
            raise UsageError(f"the share {share[:20]!r} is no number", do=do) from error
    given = [share is not None for _, _, share in found]
    if not found or not all(name for name, _, _ in found) or any(given) != all(given):
        raise UsageError("--classes needs names, and a share for each of them or for none", do=do)
    return tuple((name, label, 1 / len(found) if share is None else share) for name, label, share in found)


def first_recipe(facts: PublicFacts) -> str:
    """Returns the commented text of a recipe; it loads, and its budget has a noise that fits.

    Args:
        facts: Public; nothing else goes into it.

    Raises:
        UsageError: No phantom is known for the modality, or a value is not allowed.
        BudgetRefused: δ is too large for N_max, or no noise fits.
    """
    modality = _modality(facts)
    advice = _advice(facts, modality)
    words = shlex.split(advice.recipe or STAGED)
    shipped, options = words[0], [word for word in words[1:] if word != "--set"]
    text = shipped_recipes()[shipped]
    why = advice.why if advice.recipe else f"{advice.why}; so the general recipe"
    for path, value in _values(facts, modality, load_recipe(shipped).method).items():
        text = with_value(text, path, value)
    for option in options:
        path, _, value = option.partition("=")
        text = with_value(text, path, yaml.safe_load(value))
    text = _true_comments(text, facts, modality, load_recipe(shipped).method)
    head = _HEAD.format(
        shipped=shipped,
        patients=facts.patients_at_most,
        epsilon=shown(facts.epsilon),
        why=textwrap.fill(f"{why}.", 116),
    )
    text = with_head(text, head)
    _check(recipe_from(yaml.safe_load(text)))
    return text


def _modality(facts: PublicFacts) -> UsualModality:
    known = usual(facts.modalities)
    if facts.phantom is not None:
        known_phantom(facts.phantom)
        base = known or UsualModality(facts.phantom, "bit-depth", "", "SC")
        return replace(base, phantom=facts.phantom)
    if known is None:
        raise UsageError(
            f"no phantom is known for {' and '.join(facts.modalities)}: they can't all be drawn alike",
            do=f"name modalities of one kind, out of {', '.join(USUAL)}; or a phantom with --phantom NAME "
            "(`medsyngen phantoms draw --help`)",
        )
    return known


def _advice(facts: PublicFacts, modality: UsualModality) -> Recommendation:
    """Returns what `plan` would propose for these facts."""
    sets = [f"{path}={json.dumps(value)}" for path, value in _budget(facts).items()]  # JSON is YAML
    base = load_recipe(STAGED, [*sets, f"synthesis.phantoms={{{modality.phantom}: 1.0}}"])
    budget, training = Budget(facts.epsilon, checked_delta(None, base.n_max)), base.synthesis.private
    noise = base.synthesis.calibrate(budget, base.n_max) / (training.sampling_rate(base.n_max) * base.n_max)
    return recommend(base, trained=enough_patients(base.n_max, noise))


def _budget(facts: PublicFacts) -> dict[str, Any]:
    return {
        "patients_at_most": facts.patients_at_most,
        "privacy.epsilon": facts.epsilon,
        "scans.size": facts.size,
        "classes": [{"name": name, "label": label, "share": share} for name, label, share in facts.classes],
    }


def _values(facts: PublicFacts, modality: UsualModality, method: str) -> dict[str, Any]:
    name = f"{'-'.join(facts.modalities).lower()}-{facts.size}"
    place, form = _DRAWN[method]
    return {
        "name": name,
        "description": f"{', '.join(facts.modalities)} at {facts.size} x {facts.size} pixels, "
        f"up to {facts.patients_at_most} patients",
        **_budget(facts),
        "scans.modalities": list(facts.modalities),
        place: {modality.phantom: 1.0} if form == "shares" else modality.phantom,
        **modality.fields(facts.size),
    }


def _true_comments(text: str, facts: PublicFacts, modality: UsualModality, method: str) -> str:
    """Returns the text without the comments that these facts make untrue."""
    if modality.phantom != "chest_radiograph":
        place, form = _DRAWN[method]
        value = {modality.phantom: 1.0} if form == "shares" else modality.phantom
        text = with_value(text, place, value, "drawn by program, no privacy cost: `medsyngen phantoms draw` shows it")
    if _DRAWN[method][1] == "shares" and (facts.size != 32 or modality.phantom != "chest_radiograph"):
        old = "on phantoms, free; the result for these very numbers ships with medsyngen"
        text = text.replace(old, "on phantoms, free; the result is kept for the next run on this machine")
    for path, comment in modality.comments().items():
        section, _, key = path.partition(".")
        text = with_value(text, path, yaml.safe_load(text)[section][key], comment)
    return text


def _check(recipe: Recipe) -> None:
    """Refuses what `fit` would refuse without having read a scan."""
    try:
        recipe.synthesis.check_size(recipe.scans.image_size)
    except ValueError as error:
        raise UsageError(f"the size can't be used: {error}", do="give another --size") from error
    if recipe.reads_scans:
        budget = Budget(recipe.privacy.epsilon, checked_delta(recipe.privacy.delta, recipe.n_max))
        recipe.synthesis.calibrate(budget, recipe.n_max)


def modalities_of(text: str) -> tuple[str, ...]:
    """Returns the codes of ``CR,DX``."""
    return tuple(dict.fromkeys(code.strip().upper() for code in text.split(",") if code.strip()))
