"""Recipes: unknown keys and values that are not allowed are all told; what is written loads as the same recipe."""

from pathlib import Path

import pytest
import yaml

from medsyngen.errors import UsageError
from medsyngen.recipe import load_recipe, recipe_from, shipped_recipes


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
    heun, ddim = load_recipe("demo-32").synthesis, load_recipe("demo-32", ["synthesis.sampler=ddim"]).synthesis
    assert (heun.sampler, ddim.sampler) == ("heun", "ddim")
    assert heun.expert_identity(32) == ddim.expert_identity(32)
    with pytest.raises(UsageError, match="not allowed"):
        load_recipe("demo-32", ["synthesis.sampler=euler"])
