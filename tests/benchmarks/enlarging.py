"""How near enlarged images lie to real ones of that size, on NIH's radiographs of 128 pixels.

    python -m tests.benchmarks.enlarging OUT [--size 128] [--small 32] [--run RUN ...]

KID x 1000 to the same real patients (one half of them): the other half (floor); these made small and enlarged smoothly,
what a perfect small generator would give without detail; the same with the second network's detail; phantoms of that
size; and images of finished runs. No patient has a part in the second network. Writes contact sheets of all but the
real ones into OUT, and OUT/enlarging.json.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from medsyngen.diffusion.detail import build_detail_unet, enlarged_smoothly, made_small, with_detail
from medsyngen.diffusion.sampling import ImageNoise
from medsyngen.evaluation.features import lite2_features
from medsyngen.evaluation.kid import FeatureSet, kid
from medsyngen.formats.contact_sheet import contact_sheet
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.scan import Pixels
from medsyngen.synthesis.enlargement import Enlargement

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("MEDSYNGEN_TEST_DATA", ROOT.parent / "shared" / "data")) / "nih_cxr_128"
CPU = torch.device("cpu")
AT_ONCE = 16


def real_images(size: int) -> tuple[Pixels, NDArray[np.int64]]:
    """Returns the radiographs and the number of each one's patient."""
    with (DATA / "metadata.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    opened = [Image.open(DATA / row["path"]).convert("L").resize((size, size), Image.Resampling.BOX) for row in rows]
    pixels = np.stack([np.asarray(image, np.float32) for image in opened])[:, None] / 127.5 - 1
    return pixels, np.unique([row["patient_id"] for row in rows], return_inverse=True)[1]


def detailed(small: Pixels, enlargement: Enlargement) -> Pixels:
    """Returns small images enlarged by the second network."""
    network = build_detail_unet(enlargement.network, seed=0)
    network.load_state_dict(enlargement.weights(small.shape[-1], device=CPU))
    network.eval().requires_grad_(False)
    parts = []
    for start in range(0, len(small), AT_ONCE):
        part = torch.from_numpy(small[start : start + AT_ONCE])
        fresh = ImageNoise(list(range(start, start + len(part))), (1, enlargement.size, enlargement.size))
        settings = {"size": enlargement.size, "scale": enlargement.scale, "steps": enlargement.sampler_steps}
        parts.append(with_detail(network, part, fresh, **settings).clamp(-1, 1))
    return torch.cat(parts).float().numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--small", type=int, default=32)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--run", type=Path, action="append", default=[])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    enlargement = Enlargement(size=options.size)
    pixels, patients = real_images(options.size)
    judge = patients % 2 == 0
    small = made_small(torch.from_numpy(pixels[~judge]), options.small)
    start = time.perf_counter()
    with_network = detailed(small.numpy(), enlargement)
    seconds = time.perf_counter() - start
    sets = {
        "real": pixels[~judge],
        "real made small, enlarged smoothly": enlarged_smoothly(small, options.size).clamp(-1, 1).numpy(),
        "real made small, enlarged with detail": with_network,
        "phantoms": enlargement.mix.draw(options.count, options.size, np.random.default_rng(7)),
    }
    for run in options.run:
        generator, _ = load_generator(RunFolder(run), RunFolder(run).finished_recipe(), CPU)
        sets[run.name] = generator.draw(options.count).pixels
    reference = FeatureSet(lite2_features(pixels[judge]), np.zeros(judge.sum(), np.int64), patients[judge])
    rows = []
    for name, images in sets.items():
        those = patients[~judge] if name.startswith("real") else np.arange(len(images))
        found = FeatureSet(lite2_features(images), np.zeros(len(images), np.int64), those)
        row = kid(found, reference, (1.0,), rng=np.random.default_rng(0)).to_json()
        rows.append({"images": name, "count": len(images), "kid_x_1000": {k: round(1000 * v) for k, v in row.items()}})
        sys.stdout.write(json.dumps(rows[-1]) + "\n")
        if name != "real":
            caption = f"{'SYNTHETIC: ' if not name.startswith('real') else ''}{name}"
            contact_sheet(images[:24], 8, caption=caption).save(options.out / f"{name.replace(' ', '-')}.png")
    told = {"part": "enlarging", "size": options.size, "small": options.small, "seconds_of_detail": round(seconds, 1)}
    (options.out / "enlarging.json").write_text(json.dumps({**told, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
