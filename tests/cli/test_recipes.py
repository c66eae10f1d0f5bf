"""The shipped recipes, and the command that shows them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from medsyngen.recipe import load_recipe, shipped_recipes

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def test_what_ships_is_what_lies_in_configs():
    assert NAMES == [
        "central-chest-radiograph-32",
        "chest-radiograph-32",
        "demo-32",
        "evolved-chest-radiograph-32",
        "hippocampus-mr-3d",
        "portrait-32",
        "private-evolution-32",
        "smoke-16",
    ]
    assert list(shipped_recipes()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_recipe_loads_by_name_and_by_path_and_comes_back_from_its_own_yaml(name, tmp_path):
    recipe = load_recipe(name)
    assert recipe.name == name
    assert recipe == load_recipe(str(CONFIGS / f"{name}.yaml"))
    (tmp_path / "resolved.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert load_recipe(str(tmp_path / "resolved.yaml")).sha256 == recipe.sha256


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_explained(name):
    lines = (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    bare, explained_above = [], False
    for line in lines:
        if line.startswith("#"):
            explained_above = True
        elif not line.strip():
            explained_above = False
        elif "#" not in line and not line.rstrip().endswith(":") and not explained_above:
            bare.append(line)
    # said once, for the phantoms' training or by their own words
    trains = load_recipe(name).method in ("staged-diffusion", "central-dp-syngen", "evolved-dp-syngen")
    assert [line.split(":")[0].strip() for line in bare if "description" not in line] == ["learning_rate"] * 2 * trains


@pytest.mark.parametrize("name", ["portrait-32", "private-evolution-32"])
def test_recipes_that_train_nothing_write_out_every_field(name):
    written = yaml.safe_load((CONFIGS / f"{name}.yaml").read_text(encoding="utf-8"))["synthesis"]
    assert written == load_recipe(name).resolved()["synthesis"]


def test_the_general_recipe_leaves_the_number_of_patients_to_the_hospital():
    assert load_recipe("chest-radiograph-32").patients_at_most is None
    assert load_recipe("demo-32").patients_at_most == 2500


def test_the_demo_and_the_general_recipe_share_one_public_expert():
    demo, chest = (load_recipe(name) for name in ("demo-32", "chest-radiograph-32"))
    assert demo.synthesis.expert_identity(demo.scans.size) == chest.synthesis.expert_identity(chest.scans.size)


@pytest.mark.parametrize("name", ["demo-32", "chest-radiograph-32"])
def test_patient_steps_and_draws_stay_within_what_a_laptop_can_do(name):
    private = load_recipe(name).synthesis.private
    assert private.steps * private.patients_per_step <= 10_000
    assert 8 <= private.scans_per_patient * private.draws_per_scan <= 16


def test_recipes_lists_each_with_its_purpose(cli):
    done = cli("recipes", "--json")
    assert done.code == 0
    assert [each["name"] for each in done.json["recipes"]] == NAMES
    assert all(each["description"] for each in done.json["recipes"])
    assert all(name in cli("recipes").out for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_recipes_prints_one_ready_to_be_edited(cli, name):
    text = cli("recipes", name).out
    assert text == (CONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(cli("recipes", name, "--json").json["yaml"]) == yaml.safe_load(text)


def test_an_unknown_name_is_refused_with_the_known_ones(cli):
    done = cli("recipes", "chest")
    assert (done.code, done.out) == (2, "")
    assert all(name in done.err for name in NAMES)
