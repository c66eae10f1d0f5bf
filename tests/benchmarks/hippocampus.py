"""A network that segments hippocampi, trained on synthetic volumes or on real ones, tested on real ones: Dice.

    python -m tests.benchmarks.hippocampus split FOLDER                 makes FOLDER/train and FOLDER/test
    medsyngen fit hippocampus-mr-3d --scans FOLDER/train --run RUN ...  and export, as nifti
    python -m tests.benchmarks.hippocampus score FOLDER --cohort "private, ε = 8=COHORT" [--controls] [--out FILE]

TSTR stands beside TRTR (the same number of real pairs) and beside phantoms, rendered as the recipe draws them; with
--controls beside the network's own placebo (the same run, every patient's gradient replaced by zero) and phantoms only.
One small network, the same steps, seed and volumes a step for all; nothing is chosen by a score.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort
from medsyngen.cohort.label_maps import LabelMaps
from medsyngen.cohort.reading import read_cohort
from medsyngen.formats.label_codes import to_labels
from medsyngen.pipeline.generator_file import target_of
from medsyngen.randomness import Streams
from medsyngen.recipe import load_recipe
from tests.benchmarks.controls import Placebo
from tests.benchmarks.learning import fitted, say
from tests.benchmarks.prove import DATA

TRAIN, LABELS = 64, 3
Pairs = tuple[Any, Any]
"""Images, float32 (n, x, y, z) in [-1, 1], and labels, uint8, of the same shape."""


def split(folder: Path) -> None:
    """Copies pairs of the Medical Segmentation Decathlon: 64 to train on, the others to test on, by their order."""
    source = DATA / "msd_hippocampus_dev"
    images = {path.name: path for path in sorted((source / "imagesTr").glob("*.nii.gz"))}
    names = [name for name in images if (source / "labelsTr" / name).exists()]
    for part, chosen in (("train", names[:TRAIN]), ("test", names[TRAIN:])):
        rows = ["path,patient_id"]
        for number, name in enumerate(chosen):
            for kind in ("imagesTr", "labelsTr"):
                (folder / part / kind).mkdir(parents=True, exist_ok=True)
                shutil.copy(source / kind / name, folder / part / kind / name)
            rows.append(f"imagesTr/{name},{part}-{number:04d}")
        (folder / part / "labels.csv").write_text("\n".join(rows))


def real(folder: Path) -> Pairs:
    """Pairs in the recipe's form."""
    form = load_recipe("hippocampus-mr-3d").scans
    assert isinstance(form.label_maps, LabelMaps)
    cohort = read_cohort(folder, form=form).cohort
    return apart(np.concatenate([record.pixels for record in cohort.values()]))


def apart(volumes: Any) -> Pairs:
    """Images and labels of volumes with both, (n, 2, x, y, z)."""
    return volumes[:, 0], to_labels(volumes[:, 1], LABELS)


def released(cohort: Path) -> Pairs:
    """The pairs of a released cohort, as a receiver reads them."""
    with (cohort / "cohort.csv").open() as table:
        rows = list(csv.DictReader(table))
    images, labels = (np.stack([_voxels(cohort / row[kind]) for row in rows]) for kind in ("nifti", "labels"))
    top = 2 ** load_recipe("hippocampus-mr-3d").release.bits - 1
    return (images / top * 2 - 1).astype(np.float32), labels.astype(np.uint8)


def _voxels(path: Path) -> Any:
    return np.asarray(nibabel.load(path).dataobj)


def drawn(count: int) -> Pairs:
    """Phantoms alone."""
    recipe = load_recipe("hippocampus-mr-3d")
    rng = Streams(1).numpy("phantoms of the benchmark")
    return apart(recipe.synthesis.draw_phantoms(recipe.target.size)(count, rng))


def controls(count: int) -> dict[str, Pairs]:
    """What the recipe's networks draw without a patient: after noise alone, and as phantoms left them."""
    noised = load_recipe("hippocampus-mr-3d", patients_at_most=count)
    free = load_recipe("hippocampus-mr-3d", ("synthesis.public_bands=all",))
    found = {
        "placebo": fitted(noised, Cohort({}), Placebo()),
        "phantoms only": free.synthesis.fit_on_phantoms(target_of(free), device=torch.device("cpu")),
    }
    return {name: apart(generator.draw(count).pixels) for name, generator in found.items()}


def segmenter(pairs: Pairs, steps: int, batch: int = 4) -> torch.nn.Module:
    """Trains the small network."""
    from monai.losses import DiceCELoss
    from monai.networks.nets import UNet

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        network: torch.nn.Module = UNet(3, 1, LABELS, channels=(8, 16, 32), strides=(2, 2), num_res_units=1)
    loss_of = DiceCELoss(to_onehot_y=True, softmax=True, include_background=False)
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    rng, (images, labels) = np.random.default_rng(0), pairs
    for _ in range(steps):
        rows = rng.choice(len(images), batch)
        x = torch.from_numpy(images[rows][:, None])
        x = x * float(rng.uniform(0.8, 1.2)) + float(rng.uniform(-0.1, 0.1))
        loss = loss_of(network(x), torch.from_numpy(labels[rows][:, None].astype(np.int64)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return network.eval()


@torch.no_grad()
def dice(network: torch.nn.Module, pairs: Pairs) -> dict[str, float]:
    """Mean over volumes, of the front, of the back, and of both."""
    scores = []
    for image, labels in zip(*pairs, strict=True):
        found = network(torch.from_numpy(image[None, None])).argmax(1)[0].numpy()
        both = [(found == label, labels == label) for label in (1, 2)]
        scores.append([2 * (a & b).sum() / max(1, a.sum() + b.sum()) for a, b in both])
    front, back = np.mean(scores, axis=0)
    return {"front": round(float(front), 3), "back": round(float(back), 3), "mean": round(float(np.mean(scores)), 3)}


def score(folder: Path, cohorts: dict[str, Path], steps: int, *, beside: bool) -> dict[str, Any]:
    """Dice on the test pairs, for each thing that was trained on."""
    test = real(folder / "test")
    arms = {"real": real(folder / "train"), "phantoms, rendered": drawn(TRAIN)}
    arms |= {name: released(path) for name, path in cohorts.items()}
    arms |= controls(TRAIN) if beside else {}
    found: dict[str, Any] = {"test volumes": len(test[0]), "steps": steps}
    for name, pairs in arms.items():
        found[name] = {"volumes": len(pairs[0]), **dice(segmenter(pairs, steps), test)}
        say(f"{name}: {found[name]}")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("split", "score"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cohort", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--controls", action="store_true", help="beside placebo and phantoms only")
    parser.add_argument("--out", type=Path, help="where the figures go, too")
    asked = parser.parse_args()
    if asked.what == "split":
        split(asked.folder)
        return
    named = dict(each.rsplit("=", 1) for each in asked.cohort)
    paths = {name: Path(path) for name, path in named.items()}
    text = json.dumps(score(asked.folder, paths, asked.steps, beside=asked.controls), indent=1, ensure_ascii=False)
    if asked.out:
        asked.out.write_text(text + "\n", "utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
