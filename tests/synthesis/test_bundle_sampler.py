"""A bundle draws what the generator in it draws, by MONAI's own command and as a source of Private Evolution."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from jsonschema import Draft202012Validator
from monai.bundle.utils import DEFAULT_METADATA
from PIL import Image
from released import release_bundle, small_generator

from medsyngen.diffusion.sampling import ImageNoise
from medsyngen.errors import UsageError
from medsyngen.randomness import Streams
from medsyngen.synthesis.bundle_sampler import BundleSampler, facts_from_json, facts_to_json
from medsyngen.synthesis.sources.monai_bundle import MonaiBundle
from medsyngen.verification import verify as verify_module
from medsyngen.verification.verify import verify

TENSOR = {
    "type": "object",
    "required": [
        *("type", "format", "modality", "num_channels", "spatial_shape", "dtype", "value_range", "is_patch_data"),
        "channel_def",
    ],
    "properties": {
        "type": {"enum": ["image", "series", "tuples", "probabilities"]},
        "format": {"type": "string"},
        "modality": {"type": "string"},
        "num_channels": {"type": "integer", "minimum": 1},
        "spatial_shape": {"type": "array", "items": {"type": ["integer", "string"]}, "minItems": 1},
        "dtype": {"type": "string"},
        "value_range": {"type": "array", "items": {"type": "number"}},
        "is_patch_data": {"type": "boolean"},
        "channel_def": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
TEXTS = ("version", "monai_version", "pytorch_version", "numpy_version", "task", "description", "authors", "copyright")
METADATA = {
    "type": "object",
    "required": [*TEXTS, "required_packages_version", "network_data_format"],
    "properties": {
        **{name: {"type": "string", "minLength": 1} for name in TEXTS},
        "required_packages_version": {"type": "object", "additionalProperties": {"type": "string"}},
        "changelog": {"type": "object", "additionalProperties": {"type": "string"}},
        "network_data_format": {
            "type": "object",
            "required": ["inputs", "outputs"],
            "additionalProperties": {"type": "object", "minProperties": 1, "additionalProperties": TENSOR},
        },
    },
}
"""The mandatory fields of MONAI's Bundle Specification; MONAI's own schema is not on this machine."""


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return release_bundle(tmp_path_factory.mktemp("bundle"), small_generator())


@pytest.fixture(autouse=True)
def _epsilon_has_tests_of_its_own(monkeypatch):
    monkeypatch.setattr(verify_module, "epsilon_findings", lambda report: [])


def sampler(bundle, **more):
    return BundleSampler(str(bundle / "models/generator.safetensors"), **more)


def test_metadata_has_every_field_of_the_specification(bundle):
    metadata = json.loads((bundle / "configs/metadata.json").read_text())
    Draft202012Validator(METADATA).validate(metadata)
    assert set(DEFAULT_METADATA) <= set(metadata)
    assert metadata["network_data_format"]["outputs"]["sample"]["spatial_shape"] == [8, 8]
    assert metadata["synthetic_data"] is True


@pytest.mark.parametrize("kind", ["heun", "ancestral"])
def test_it_draws_what_the_generator_draws(tmp_path, kind):
    generator = small_generator(kind)
    made = release_bundle(tmp_path, generator)
    seeds = [Streams(generator.facts.seed).torch_seed("draw", i) for i in range(3)]
    classes = generator.facts.conditioning.columns(3)["class"]
    drawn = generator.image_drawer(3)(range(3))
    for number, (seed, name) in enumerate(zip(seeds, classes, strict=True)):
        noise = ImageNoise([seed], (1, 8, 8))
        first = noise()
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.set_state(noise._generators[0].get_state())
            image = sampler(made, values={"class": name})(first)
        np.testing.assert_allclose(image.numpy() * 2 - 1, drawn[number : number + 1], atol=1e-5)


def test_facts_come_back_from_json():
    facts = small_generator().facts
    assert facts_from_json(json.loads(json.dumps(facts_to_json(facts)))) == facts
    with pytest.raises(UsageError, match="understands"):
        facts_from_json({"size": "large"})


def test_classes_are_drawn_by_their_shares_or_as_asked(bundle):
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        rows = sampler(bundle)._rows(4000)
    assert abs(float((rows == 0).double().mean()) - 0.6) < 0.04
    assert sampler(bundle, values={"class": "opacity"})._rows(5).tolist() == [1] * 5
    with pytest.raises(UsageError, match="knows no class = tumour"):
        sampler(bundle, values={"class": "tumour"})


def test_the_adapter_takes_it_as_a_source(bundle):
    source = MonaiBundle(bundle, 8, "the hospital that released it")
    one, same, other = (source.random(3, 1, np.random.default_rng(seed)).pixels for seed in (1, 1, 2))
    assert one.shape == (3, 1, 8, 8)
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1
    assert all(np.abs(one[i] - one[i - 1]).max() > 0.1 for i in range(3))


def test_a_bundle_is_verified_and_a_bit_in_it_is_seen(bundle, tmp_path):
    assert {finding.check for finding in verify(bundle).failures} == set()
    copy = shutil.copytree(bundle, tmp_path / "copy")
    weights = bytearray((copy / "models/generator.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "models/generator.safetensors").write_bytes(weights)
    assert {finding.check for finding in verify(copy).failures} == {"files"}


@pytest.mark.slow
def test_monais_own_command_samples_from_it(bundle, tmp_path):
    pytest.importorskip("fire", reason="python -m monai.bundle needs the package fire")
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", "configs/inference.json"]
    more = ["--count", "2", "--seed", "1", "--output_dir", str(tmp_path / "out"), "--values", "{'class': 'opacity'}"]
    done = subprocess.run([*command, *more], cwd=bundle, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    files = sorted((tmp_path / "out").iterdir())
    assert [file.name for file in files] == ["SYN-000001.png", "SYN-000002.png"]
    assert files[0].read_bytes() != files[1].read_bytes()
    with Image.open(files[0]) as image:
        assert (image.mode, image.size, image.info["Synthetic"]) == ("I;16", (8, 8), "YES")
        shown = np.asarray(image, dtype=np.float64) / 65535
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)  # the same seed and the same value, without the command
        same = sampler(bundle, values={"class": "opacity"})
        np.testing.assert_allclose(shown, same(torch.randn(same.shape))[0, 0].numpy(), atol=1e-4)
    assert not [finding for finding in verify(bundle).failures], "sampling changed the bundle"
