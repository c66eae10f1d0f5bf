"""The texts of a MONAI bundle: metadata, inference config, README, licence. From public facts alone, without time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from medsyngen.release.form import ReleaseForm
from medsyngen.version import __version__

METADATA: Final = "configs/metadata.json"
INFERENCE: Final = "configs/inference.json"
WEIGHTS: Final = "models/generator.safetensors"
README: Final = "docs/README.md"
LICENCE: Final = "LICENSE"
SCHEMA: Final = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
"""Where MONAI keeps the schema of metadata.json (``monai.bundle verify_metadata`` loads it from there)."""
NO_LICENCE: Final = """No terms of use were written down when this bundle was released.
Ask the institution that released it before you use or pass on its weights.
"""


@dataclass(frozen=True)
class BundleFacts:
    """What the texts are made of; all public.

    Args:
        name: Of the recipe.
        size: Side of the images in pixels.
        form: What the recipe releases images as.
        guarantee: The privacy sentence.
        epsilon: ε.
        delta: δ.
        attributes: Attribute -> its values, as the generator knows them.
        versions: Of the packages that it was made with; at least monai, torch and numpy.
        scans_read: Whether any scan taught the generator.
        licence: Terms of use; "" if none were given.
    """

    name: str
    size: int
    form: ReleaseForm
    guarantee: str
    epsilon: float
    delta: float
    attributes: Mapping[str, Sequence[str]]
    versions: Mapping[str, str] = field(repr=False)
    scans_read: bool = True
    licence: str = ""


def bundle_texts(facts: BundleFacts) -> dict[str, bytes]:
    """Returns every text of the bundle by its path."""
    return {
        METADATA: _json(_metadata(facts)),
        INFERENCE: _json(_inference(facts)),
        README: _readme(facts).encode(),
        LICENCE: (facts.licence or NO_LICENCE).encode(),
    }


def _json(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _tensor(facts: BundleFacts, values: Sequence[float], of: str) -> dict[str, Any]:
    return {
        "type": "image",
        "format": "magnitude" if values else "latent",
        "modality": facts.form.modality,
        "num_channels": 1,
        "spatial_shape": [facts.size, facts.size],
        "dtype": "float32",
        "value_range": [*values],
        "is_patch_data": False,
        "channel_def": {"0": of},
    }


def _metadata(facts: BundleFacts) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": "1.0.0",
        "changelog": {"1.0.0": "released"},
        "monai_version": facts.versions["monai"],
        "pytorch_version": facts.versions["torch"].partition("+")[0],
        "numpy_version": facts.versions["numpy"],
        "required_packages_version": {"medsyngen": __version__},
        "name": f"{facts.name} (synthetic images)",
        "task": "Draws synthetic medical images",
        "description": f"A generator made with medsyngen. Every image that it draws is synthetic. {facts.guarantee}",
        "authors": "Whoever released this bundle; made with medsyngen",
        "copyright": "See LICENSE",
        "data_source": "Private scans, under differential privacy" if facts.scans_read else "Images drawn by program",
        "data_type": "synthetic",
        "intended_use": "Research and software testing, not diagnosis",
        "synthetic_data": True,
        "privacy": {"epsilon": facts.epsilon, "delta": facts.delta, "unit": "patient", "report": "privacy_report.json"},
        "network_data_format": {
            "inputs": {"noise": _tensor(facts, (), "standard Gaussian noise")},
            "outputs": {"sample": _tensor(facts, (0, 1), "synthetic image")},
        },
    }


def _inference(facts: BundleFacts) -> dict[str, Any]:
    return {
        "imports": ["$import torch"],
        "bundle_root": ".",
        "count": 8,
        "output_dir": "samples",
        "seed": None,
        "values": {},
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "sampler": {
            "_target_": "medsyngen.synthesis.bundle_sampler.BundleSampler",
            "weights": f"$@bundle_root + '/{WEIGHTS}'",
            "device": "@device",
            "values": "@values",
        },
        "noise": f"$torch.randn(1, 1, {facts.size}, {facts.size})",
        "sample": "$@sampler(@noise)",
        "initialize": ["$torch.default_generator.manual_seed(@seed) if @seed is not None else None"],
        "run": ["$@sampler.write(@count, @output_dir)"],
    }


_README = """# {name}: a generator of synthetic images

**Every image that this bundle draws is synthetic.** The generator was made with medsyngen {version}.
{guarantee}

| file | what it is |
|---|---|
| `models/generator.safetensors` | the weights; no pickle, no code |
| `configs/metadata.json`, `configs/inference.json` | what MONAI reads |
| `privacy_report.html`, `privacy_report.json` | the privacy report |
| `manifest.json` | SHA-256 of every other file, and what the release gate checked |
| `LICENSE` | terms of use |

## Drawing images

With medsyngen {version} installed (it brings MONAI; `python -m monai.bundle` needs the package `fire`), in this folder:

```sh
python -m monai.bundle run --config_file configs/inference.json --count 8 --output_dir ../samples
```

`--seed 1` makes the images repeat.{values} Write the images elsewhere: `medsyngen verify` takes this folder as it
was released, with no other file in it. Drawing costs no privacy, however many images are drawn.

As a source of images in a recipe of medsyngen:

```yaml
source:
  kind: monai-bundle
  folder: PATH/TO/THIS/FOLDER
  attested_by: NAME, who says that its training had nothing to do with your own scans
```

The images are for research and software testing, not for diagnosis.
"""


def _readme(facts: BundleFacts) -> str:
    told = "; ".join(f"{name}: {', '.join(values)}" for name, values in facts.attributes.items() if values)
    values = (
        f" `--values` chooses what is drawn, for instance `--values \"{{'NAME': 'VALUE'}}\"` ({told})." if told else ""
    )
    return _README.format(name=facts.name, version=__version__, guarantee=facts.guarantee, values=values)
