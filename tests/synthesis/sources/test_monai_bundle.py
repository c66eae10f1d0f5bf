"""A MONAI bundle as a source: an untrained one, small enough to write here."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from medsyngen.errors import UsageError
from medsyngen.synthesis.sources.monai_bundle import MonaiBundle

CONFIG = {
    "imports": ["$import torch"],
    "bundle_root": ".",
    "shape": [1, 1, 8, 8],
    "noise": "$torch.randn(@shape)",
    "network": {"_target_": "torch.nn.Conv2d", "in_channels": 1, "out_channels": 1, "kernel_size": 3, "padding": 1},
    "weights": "$@network.load_state_dict(torch.load(@bundle_root + '/models/model.pt', weights_only=True))",
    "made": "$[] if @weights is None else [id(@network)]",
    "raw": "$@network(@noise) + 0 * len(@made)",
    "sample": "$torch.sigmoid(@raw)",
    "steady": "$torch.rand(1, 1, 8, 8)",
    "changed": "$@image * (1 - @degree) + @degree * torch.rand_like(@image)",
    "large": "$torch.zeros(1, 1, 16, 16)",
    "broken": "$torch.full((1, 1, 8, 8), float('nan'))",
    "words": "an image",
    "fails": "$1 / 0",
    "missing": "$@nobody + 1",
    "circle": "$@circle + 1",
    "no_module": {"_target_": "no.such.module"},
    "blind": "$torch.zeros(1, 1, 8, 8) + @degree",
    "nested": {"_target_": "torch.clamp", "input": "@changed", "max": 1.0},
}


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "configs").mkdir()
    (tmp_path / "models").mkdir()
    (tmp_path / "configs" / "inference.json").write_text(json.dumps(CONFIG))
    generator = torch.Generator().manual_seed(0)
    weights = {"weight": torch.randn(1, 1, 3, 3, generator=generator), "bias": torch.zeros(1)}
    torch.save(weights, tmp_path / "models" / "model.pt")
    return tmp_path


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_every_image_is_sampled_from_noise_of_its_own(folder):
    source = MonaiBundle(folder, 8, "the maintainers")
    made = source.random(3, 1, rng())
    assert made.pixels.shape == (3, 1, 8, 8)
    assert made.pixels.dtype == np.float32
    assert made.classes.tolist() == [1, 1, 1]
    assert np.abs(made.pixels).max() <= 1
    for i in range(3):  # stale content of the first would be given again
        assert np.abs(made.pixels[i] - made.pixels[i - 1]).max() > 0.1
    noise = torch.from_numpy(rng().standard_normal((1, 1, 8, 8))).float()
    weights = torch.load(folder / "models" / "model.pt", weights_only=True)
    expected = torch.sigmoid(torch.nn.functional.conv2d(noise, weights["weight"], weights["bias"], padding=1))
    np.testing.assert_allclose(made.pixels[0], 2 * expected[0].numpy() - 1, atol=1e-6)


def test_networks_are_made_once(folder, monkeypatch):
    source = MonaiBundle(folder, 8, "the maintainers")
    source.random(1, 0, rng())
    (folder / "models" / "model.pt").unlink()  # read again, it would be missed
    source.random(2, 0, rng())


def test_the_generator_decides_everything_and_nothing_global_does(folder):
    source = MonaiBundle(folder, 8, "the maintainers", sample="steady")  # draws from torch's global generator
    state = torch.random.get_rng_state()
    first, same, other = (source.random(2, 0, rng(seed)).pixels for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.1
    assert np.abs(first[0] - first[1]).max() > 0.1
    assert torch.equal(torch.random.get_rng_state(), state)


def test_members_are_varied_in_the_bundles_own_range(folder):
    source = MonaiBundle(folder, 8, "the maintainers", vary_with="changed")
    members = source.random(2, 1, rng())
    np.testing.assert_allclose(source.vary(members, 0.0, rng()).pixels, members.pixels, atol=1e-6)
    varied = source.vary(members, 0.1, rng())
    assert varied.classes.tolist() == [1, 1]
    assert 0 < np.abs(varied.pixels - members.pixels).max() <= 0.2 + 1e-6


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sample": "image_of_a_dream"}, "no `image_of_a_dream`"),
        ({"sample": "large"}, r"\(1, 1, 16, 16\), not images of 8"),
        ({"sample": "broken"}, "not finite"),
        ({"noise": "shape"}, "no tensor"),
        ({"sample": "words"}, "no tensor: TypeError"),
        ({"sample": "fails"}, "`fails` of the bundle can't be evaluated: RuntimeError"),
        ({"sample": "missing"}, "`missing` of the bundle can't be evaluated: ValueError.*nobody"),
        ({"sample": "circle"}, "circular"),
        ({"sample": "no_module"}, "`no_module` of the bundle can't be evaluated"),
        ({"sample": ""}, "``"),
    ],
)
def test_a_bundle_that_gives_no_images_is_refused(folder, fields, why):
    with pytest.raises(UsageError, match=why):
        MonaiBundle(folder, 8, "the maintainers", **fields).random(1, 0, rng())


def test_a_bundle_that_cannot_vary_says_what_can(folder):
    source = MonaiBundle(folder, 8, "the maintainers")
    with pytest.raises(UsageError, match="varies") as error:
        source.vary(source.random(1, 0, rng()), 0.5, rng())
    assert "composite" in error.value.do


@pytest.mark.parametrize("fields", [{"vary_with": "changed", "image": "imgae"}, {"vary_with": "blind"}])
def test_what_would_vary_without_a_look_at_the_image_is_refused(folder, fields):
    source = MonaiBundle(folder, 8, "the maintainers", **fields)
    with pytest.raises(UsageError, match="does not look at") as error:
        source.vary(source.random(1, 0, rng()), 0.5, rng())
    assert "`image`" in error.value.do


def test_a_look_through_other_names_counts(folder):
    source = MonaiBundle(folder, 8, "the maintainers", vary_with="nested")
    members = source.random(2, 1, rng())
    np.testing.assert_allclose(source.vary(members, 0.0, rng()).pixels, members.pixels, atol=1e-6)


def test_networks_are_not_made_again_by_variations(folder):
    source = MonaiBundle(folder, 8, "the maintainers", vary_with="changed")
    members = source.random(1, 0, rng())
    (folder / "models" / "model.pt").unlink()
    source.vary(members, 0.5, rng())
    source.random(1, 0, rng())


@pytest.mark.parametrize("text", ["{", "[1, 2]", "3", "\udc00"])
def test_a_config_that_is_none_is_refused(folder, text):
    (folder / "configs" / "inference.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(UsageError, match=r"can't be read|has no"):
        MonaiBundle(folder, 8, "us").random(1, 0, rng())


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"folder": Path("https://host.example/bundle.zip")}, "no folder on this machine"),
        ({"config": "../outside.json"}, "no ../outside.json"),
        ({"attested_by": ""}, "nobody attests"),
        ({"config": "/etc/outside.json"}, "no /etc/outside.json"),
        ({"value_range": (1.0, 1.0)}, "rising"),
    ],
)
def test_what_is_no_local_bundle_is_refused(folder, fields, why):
    (folder.parent / "outside.json").write_text("{}")
    with pytest.raises(UsageError, match=why):
        MonaiBundle(**{"folder": folder, "size": 8, "attested_by": "us", **fields})


def test_folder_and_config_are_looked_for_when_they_are_used(folder):
    for fields, why in (
        ({"config": "configs/train.json"}, "no configs/train"),
        ({"folder": folder / "x"}, "not there"),
    ):
        source = MonaiBundle(**{"folder": folder, "size": 8, "attested_by": "us", **fields})
        with pytest.raises(UsageError, match=why):
            source.random(1, 0, rng())
    (folder / "configs" / "inference.json").rename(folder.parent / "elsewhere.json")
    (folder / "configs" / "inference.json").symlink_to(folder.parent / "elsewhere.json")
    with pytest.raises(UsageError, match=r"has no configs/inference\.json"):
        MonaiBundle(folder, 8, "us").random(1, 0, rng())
