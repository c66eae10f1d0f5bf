"""A recipe from public facts: it loads, its comments stay true, and its text can be changed without losing them."""

from __future__ import annotations

import pytest
import yaml

from medsyngen.errors import BudgetRefused, UsageError
from medsyngen.pipeline.first_recipe import PublicFacts, first_recipe, modalities_of, parse_classes
from medsyngen.pipeline.recipe_text import spelled, with_head, with_value
from medsyngen.recipe import load_recipe, recipe_from, shipped_recipes

TEXT = """\
# a head

name: here         # its name
scans:
  size: 32         # pixels
  inner:           # more
    size: 1        # of something else
    list: [1, 2]

# about classes
classes: []
last: 3
"""


def test_a_value_changes_and_everything_else_stays():
    changed = with_value(TEXT, "scans.inner.size", 7)
    assert changed == TEXT.replace("size: 1        #", "size: 7        #")
    assert with_value(TEXT, "name", "there") == TEXT.replace("name: here ", "name: there")
    inner = with_value(TEXT, "scans.inner", {"a": 1.5})
    assert "  inner: {a: 1.5}" in inner
    assert "# more" in inner
    assert yaml.safe_load(inner) == {**yaml.safe_load(TEXT), "scans": {"size": 32, "inner": {"a": 1.5}}}
    rows = with_value(TEXT, "classes", [{"name": "no", "label": "0", "share": 0.5}])
    assert rows == TEXT.replace("classes: []", 'classes:\n  - {name: "no", label: "0", share: 0.5}')
    assert with_value(TEXT, "scans.size", 16, "side").splitlines()[4] == "  size: 16         # side"
    assert with_head(TEXT, "new\nhead").startswith("# new\n# head\n\nname: here")
    with pytest.raises(KeyError):
        with_value(TEXT, "scans.nothing", 1)


@pytest.mark.parametrize(
    "value", [None, True, "no", "0", "a b", "ε: 1", "CR", 1.5, [1, "x"], {"a": ["b"]}, "x # y", ""]
)
def test_spelled_is_read_back(value):
    assert yaml.safe_load(f"key: {spelled(value)}") == {"key": value}


@pytest.mark.parametrize(
    ("facts", "method"),
    [
        (PublicFacts(("CR",), 32, 800), "portrait"),
        (PublicFacts(("CR", "DX"), 32, 20, epsilon=0.5), "staged-diffusion"),
        (PublicFacts(("MR",), 32, 300, 1.0, parse_classes("well=0:0.7,ill=1:0.3")), "portrait"),
        (PublicFacts(("CT",), 64, 60000), None),
    ],
)
def test_it_loads_and_holds_what_was_said(facts, method):
    text = first_recipe(facts)
    recipe = recipe_from(yaml.safe_load(text))
    assert (recipe.scans.size, recipe.n_max, recipe.privacy.epsilon) == (
        facts.size,
        facts.patients_at_most,
        facts.epsilon,
    )
    assert recipe.scans.modalities == facts.modalities
    assert [(c.name, c.label, c.share) for c in recipe.classes] == list(facts.classes)
    assert method in (None, recipe.method)
    kind = {"MR": "brain_mr", "CT": "thorax_ct"}.get(facts.modalities[0], "chest_radiograph")
    assert [part["name"] for part in recipe.synthesis.describe_phantoms()] == [kind]
    assert text.startswith("# Made by `medsyngen init` from public facts")
    for untrue in (
        "lungs, heart" if kind != "chest_radiograph" else "",
        "ships with medsyngen" if facts.size != 32 else "",
    ):
        assert not untrue or untrue not in text
    assert text.count("#") > 40


@pytest.mark.parametrize(
    ("code", "released", "spacing", "window"),
    [
        ("CR", "CR", None, None),
        ("DX", "DX", 430 / 32, None),
        ("SC", "SC", None, None),
        ("CT", "CT", 400 / 32, (-1000, 400)),
        ("MR", "MR", 240 / 32, None),
        ("CR,DX", "CR", None, None),
    ],
)
def test_what_is_released_is_of_the_modality_that_was_read(code, released, spacing, window):
    text = first_recipe(PublicFacts(modalities_of(code), 32, 800, 1.0))
    recipe = recipe_from(yaml.safe_load(text))
    assert recipe.release.modality == released
    assert recipe.release.pixel_spacing_mm == (None if spacing is None else pytest.approx(spacing, abs=1e-3))
    assert recipe.release.window == window
    if window:
        assert recipe.scans.window == window  # Hounsfield units come back as they were read
    volumes = recipe.scans.slices
    assert (volumes is None) == (code not in ("CT", "MR"))
    assert volumes is None or (volumes.plane, volumes.every) == ("axial", 4)
    assert max(map(len, text.splitlines())) < 160


def test_nothing_but_what_was_said_differs_from_the_shipped_recipe():
    ours = yaml.safe_load(first_recipe(PublicFacts(("CR", "DX", "SC"), 32, 800, 1.0)))
    theirs = yaml.safe_load(shipped_recipes()["portrait-32"])
    differing = {key for key in theirs if ours[key] != theirs[key]}
    assert differing == {"name", "description", "patients_at_most"}


def test_few_patients_and_a_small_budget_get_phantoms_alone():
    recipe = recipe_from(yaml.safe_load(first_recipe(PublicFacts(("CR",), 32, 20, epsilon=0.5))))
    assert recipe.synthesis.public_bands == "all"
    assert not recipe.reads_scans


def test_advice_with_options_and_none_at_all(monkeypatch):
    """Whatever `plan` proposes is taken, options and quotes included; without advice the general recipe stands."""
    from medsyngen.pipeline import first_recipe as module

    class Advice:
        recipe = "private-evolution-32 --set synthesis.embedding=lite0 --set 'synthesis.source.phantom=brain_mr'"
        why = "because"

    monkeypatch.setattr(module, "recommend", lambda *_, **__: Advice)
    recipe = recipe_from(yaml.safe_load(first_recipe(PublicFacts(("MR",), 32, 5000))))
    assert (recipe.method, recipe.synthesis.embedding) == ("private-evolution", "lite0")
    assert recipe.synthesis.source["phantom"] == "brain_mr"
    Advice.recipe = None
    text = first_recipe(PublicFacts(("MR",), 32, 5000))
    assert recipe_from(yaml.safe_load(text)).method == load_recipe("chest-radiograph-32").method
    assert "because; so the general recipe" in text


def test_what_can_t_be_is_refused():
    with pytest.raises(UsageError, match="no phantom is known for US"):
        first_recipe(PublicFacts(("US",), 32, 800))
    with pytest.raises(UsageError, match="no phantom is known for CR and MR"):
        first_recipe(PublicFacts(("CR", "MR"), 32, 800))
    with pytest.raises(UsageError, match="no phantom named"):
        first_recipe(PublicFacts(("US",), 32, 800, phantom="echo"))
    with pytest.raises(UsageError):
        first_recipe(PublicFacts(("CR",), 4, 800))
    with pytest.raises((UsageError, BudgetRefused)):
        first_recipe(PublicFacts(("CR",), 32, 800, epsilon=-1))
    drawn = first_recipe(PublicFacts(("US",), 32, 300, phantom="speckle"))
    assert recipe_from(yaml.safe_load(drawn)).release.modality == "SC"
    assert "body_part: CHEST                   # not known to this program" in drawn


def test_classes_and_modalities_are_understood():
    assert parse_classes("a=0:0.25, b=1:0.75") == (("a", "0", 0.25), ("b", "1", 0.75))
    assert parse_classes("a,b") == (("a", "a", 0.5), ("b", "b", 0.5))
    for wrong in ("", "a:0.5,b", "a:x", "=0:1"):
        with pytest.raises(UsageError):
            parse_classes(wrong)
    assert modalities_of(" cr, DX ,cr") == ("CR", "DX")
