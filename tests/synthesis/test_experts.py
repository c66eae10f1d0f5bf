import pytest
import torch

from medsyngen.errors import VerificationFailed
from medsyngen.recipe import load_recipe
from medsyngen.synthesis import experts


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MEDSYNGEN_CACHE", str(tmp_path))


def test_an_expert_is_trained_once_and_found_again():
    calls = []

    def train(unfinished):
        calls.append(unfinished.path)
        unfinished.path.parent.mkdir(exist_ok=True)
        unfinished.path.write_bytes(b"a state")
        return {"w": torch.tensor([0.5, 1.25])}

    first = experts.public_expert({"size": 1}, train)
    second = experts.public_expert({"size": 1}, train)
    experts.public_expert({"size": 2}, train)
    assert len(set(calls)) == 2  # each has a state of its own
    assert not any(path.exists() for path in calls)  # and none when it is finished
    assert torch.equal(first["w"], second["w"])
    assert first["w"].dtype == torch.float32


def test_a_file_that_is_not_what_its_name_says_is_refused():
    path = experts.save_expert(experts.cache_folder(), {"size": 1}, {"w": torch.zeros(1)})
    other = path.with_name(f"{experts.expert_key({'size': 2})}.safetensors")
    path.rename(other)
    with pytest.raises(VerificationFailed, match="not what its name says"):
        experts.public_expert({"size": 2}, dict)
    other.write_bytes(b"x")
    with pytest.raises(VerificationFailed, match="can't be read"):
        experts.public_expert({"size": 2}, dict)


@pytest.mark.parametrize(
    "change", ["synthesis.public.steps=7", "synthesis.seed=1", "scans.size=8", "synthesis.prediction=v"]
)
def test_whatever_makes_an_expert_changes_its_name(change: str):
    key = lambda r: experts.expert_key(r.synthesis.expert_identity(r.scans.size))  # noqa: E731
    assert key(load_recipe("smoke-16", [change])) != key(load_recipe("smoke-16"))


def test_private_settings_share_one_expert():
    key = lambda r: experts.expert_key(r.synthesis.expert_identity(r.scans.size))  # noqa: E731
    assert key(load_recipe("smoke-16", ["privacy.epsilon=1", "classes=[]"])) == key(load_recipe("smoke-16"))
    assert key(load_recipe("smoke-16", ["synthesis.trainable=lora"])) == key(load_recipe("smoke-16"))


def test_the_choice_of_a_prediction_renamed_no_expert_that_was_made_before_it():
    identity = load_recipe("demo-32").synthesis.expert_identity(32)
    assert sorted(identity) == ["network", "phantoms", "public", "seed", "sigma", "size"]
    assert load_recipe("demo-32", ["synthesis.prediction=v"]).synthesis.expert_identity(32) == {
        **identity,
        "prediction": "v",
    }


@pytest.mark.parametrize("name", ["chest-radiograph-32", "demo-32"])
def test_the_expert_of_each_32_pixel_recipe_ships_with_the_package(name: str):
    recipe = load_recipe(name)
    path = experts.find_expert(recipe.synthesis.expert_identity(recipe.scans.size))
    assert path is not None
    assert path.parent == experts.SHIPPED
    assert path.stat().st_size <= 2e6
    assert sum(w.numel() for w in experts.load_expert(path).values()) == pytest.approx(454_000, rel=0.01)
