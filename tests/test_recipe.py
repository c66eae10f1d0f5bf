"""Recipes: unknown keys and values that are not allowed are all told; what is written loads as the same recipe."""

import dataclasses
from pathlib import Path

import pytest
import yaml

from medsyngen.errors import UsageError
from medsyngen.recipe import METHODS, load_recipe, recipe_from, shipped_recipes


@pytest.mark.parametrize("name", sorted(shipped_recipes()))
def test_a_resolved_recipe_loads_as_itself(name: str, tmp_path: Path):
    recipe = load_recipe(name, patients_at_most=300)
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.to_yaml())
    again = load_recipe(str(path))
    assert again == recipe
    assert again.sha256 == recipe.sha256


def test_every_public_number_changes_the_hash():
    base = load_recipe("smoke-16", patients_at_most=50)
    for change in ("privacy.epsilon=7.5", "scans.window=per-scan", "synthesis.private.steps=6", "synthesis.seed=1"):
        assert load_recipe("smoke-16", [change], patients_at_most=50).sha256 != base.sha256
    assert load_recipe("smoke-16", patients_at_most=51).sha256 != base.sha256


def test_n_max_is_never_guessed():
    with pytest.raises(UsageError, match="patients_at_most") as error:
        _ = load_recipe("chest-radiograph-32").n_max
    assert error.value.exit_code == 2


def test_all_unknown_keys_are_told_with_what_was_meant():
    with pytest.raises(UsageError) as error:
        load_recipe("smoke-16", ["scans.sice=32", "synthesis.private.stepz=3", "scans.windov=per-scan"])
    with pytest.raises(UsageError) as inner:
        load_recipe("smoke-16", ["synthesis.private.stepz=3", "synthesis.netwerk.channels=[8]"])
    text = " ".join([*error.value.details, *inner.value.details])
    for wrong, meant in (("stepz", "steps"), ("netwerk", "network")):
        assert f"{wrong}: unknown, did you mean '{meant}'" in text


def test_all_values_that_are_not_allowed_are_told():
    with pytest.raises(UsageError) as error:
        load_recipe("smoke-16", ["synthesis.private.steps=-1", "synthesis.public.batch_size=0"])
    assert len(error.value.details) == 2
    assert all("must be positive" in line for line in error.value.details)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("privacy.epsilon=0", "epsilon"),
        ("privacy.delta=2", "delta"),
        ("privacy.epsilon=lots", "epsilon"),
        ("patients_at_most=0", "at least 1"),
        ("synthesis.method=magic", "method"),
        ("synthesis.phantoms={dead_leafs: 1}", "dead_leaves"),
        ("synthesis.bands.cleaning_edge=3", "cleaning_edge"),
        ("classes=[{name: a, label: '0', share: 0.5}]", "add up"),
        ("classes=[{name: a, label: '0', share: 0.5}, {name: a, label: '1', share: 0.5}]", "differ"),
    ],
)
def test_each_rule_refuses(change: str, text: str):
    with pytest.raises(UsageError) as error:
        load_recipe("smoke-16", [change])
    assert text in " ".join([str(error.value), error.value.do, *error.value.details])


@pytest.mark.parametrize("override", ["scans", "=3", "name.x=3"])
def test_malformed_overrides_are_refused(override: str):
    with pytest.raises(UsageError):
        load_recipe("smoke-16", [override])


def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path):
    for text in ("- 1\n- 2\n", "a: [1, 2\n", "!!python/object/apply:os.system ['true']\n"):
        path = tmp_path / "r.yaml"
        path.write_text(text)
        with pytest.raises(UsageError):
            load_recipe(str(path))
    with pytest.raises(UsageError, match="no recipe named"):
        load_recipe("nothing-like-that")


def test_sampling_rate_depends_on_public_numbers_only():
    recipe = load_recipe("smoke-16", patients_at_most=50)
    plain = yaml.safe_load(recipe.to_yaml())
    assert recipe_from(plain).synthesis.private.sampling_rate(recipe.n_max) == min(
        1.0, recipe.synthesis.private.patients_per_step / 50
    )


def test_the_sampler_is_a_field_of_the_recipe_that_the_public_expert_does_not_depend_on():
    plain, ddim = load_recipe("demo-32").synthesis, load_recipe("demo-32", ["synthesis.sampler=ddim"]).synthesis
    assert (plain.sampler, ddim.sampler) == ("ancestral", "ddim")
    assert plain.expert_identity(32) == ddim.expert_identity(32)
    with pytest.raises(UsageError, match="not allowed"):
        load_recipe("demo-32", ["synthesis.sampler=euler"])


SEX = "{name: sex, dicom: PatientSex, values: [{name: f, label: F, share: 0.5}, {name: m, label: M, share: 0.5}]}"
AGE = "{name: age_band, values: [{name: young, label: '0', share: 0.3}, {name: old, label: '1', share: 0.7}]}"


def test_conditions_are_a_list_of_attributes_in_place_of_classes(tmp_path: Path):
    recipe = load_recipe("smoke-16", ["classes=[]", f"conditions=[{SEX}, {AGE}]"], patients_at_most=50)
    assert [(a.name, a.dicom, len(a.values)) for a in recipe.conditions] == [
        ("sex", "PatientSex", 2),
        ("age_band", None, 2),
    ]
    assert recipe.scans.attributes == recipe.conditions  # whoever reads scans in the recipe's form reads them
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe.to_yaml())
    again = load_recipe(str(path))
    assert (again, again.sha256) == (recipe, recipe.sha256)
    assert "attributes" not in recipe.resolved()["scans"]
    without = dataclasses.replace(recipe, conditions=())
    assert without.scans.attributes == ()
    assert without.sha256 == load_recipe("smoke-16", ["classes=[]"], patients_at_most=50).sha256 != recipe.sha256


def test_recipes_without_conditions_resolve_as_ever():
    """Their hash stands in ledgers and checkpoints."""
    assert "conditions" not in load_recipe("demo-32").resolved()
    assert list(load_recipe("demo-32").resolved()["scans"]) == ["modalities", "size", "window", "max_skipped_share"]


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ((f"conditions=[{SEX}]", "classes=[{name: a, label: '0', share: 1}]"), "give one of the two"),
        (("classes=[]", f"conditions=[{SEX}, {SEX}]"), "differ"),
        (("classes=[]", f"conditions=[{SEX.replace('PatientSex', 'PatientName')}]"), "dicom must be one of"),
        (("classes=[]", f"conditions=[{SEX.replace('label: F', 'label: female')}]"), "codes of PatientSex"),
        (("classes=[]", f"conditions=[{SEX.replace('0.5', '0.6')}]"), "add up to 1"),
        (("classes=[]", f"conditions=[{SEX.replace('name: sex', 'name: Sex')}]"), "can't be called"),
        (("classes=[]", "conditions=[{name: sex, values: []}]"), "no values"),
        (("classes=[]", f"conditions=[{AGE.replace('share', 'chare')}]"), "did you mean 'share'"),
        (("classes=[]", f"conditions=[{AGE.replace('values', 'valuez')}]"), "did you mean 'values'"),
        (("classes=[]", f"scans.attributes=[{AGE}]"), "attributes: unknown"),
        (
            (
                "classes=[]",
                "release.modality=SC",
                "conditions=[{name: view, dicom: ViewPosition, values: [{name: pa, label: PA, share: 1}]}]",
            ),
            "needs `release.modality: CR`",
        ),
    ],
)
def test_conditions_that_can_not_be(changes: tuple[str, ...], text: str):
    with pytest.raises(UsageError) as error:
        load_recipe("smoke-16", changes)
    assert text in " ".join([str(error.value), *error.value.details])


@pytest.mark.parametrize("method", [name for name in METHODS if name != "staged-diffusion"])
def test_methods_of_pictures_refuse_volumes_before_anything_is_charged(method):
    """Also those that build on one that makes volumes: they would spend the budget and could not report."""
    with pytest.raises(UsageError):
        load_recipe("hippocampus-mr-3d", (f"synthesis.method={method}",), patients_at_most=140)


def test_central_images_of_volumes_are_refused_for_that_reason():
    with pytest.raises(UsageError) as refused:
        load_recipe("hippocampus-mr-3d", ("synthesis.method=central-dp-syngen",), patients_at_most=140)
    assert "makes pictures only" in str([refused.value, *getattr(refused.value, "details", ())])


@pytest.mark.parametrize("phantoms", ["{nonsense: 1}", "{}", "{hippocampus_mr: 1}"])
def test_what_enlarges_learns_from_phantoms_of_pictures(phantoms):
    with pytest.raises(UsageError):
        load_recipe("demo-32", ("enlargement.size=64", f"enlargement.phantoms={phantoms}"))
