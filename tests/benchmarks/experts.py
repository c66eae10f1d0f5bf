"""Rebuilds the public experts that ship with the package: `make experts`.

Reads no scan: the experts learn from phantoms alone. Does nothing for an expert that is there already, and goes on with
one that was interrupted. With --bfloat16 in less time on a processor with AMX; which device and arithmetic made an
expert is not part of its key.
"""

import sys
import time

import torch

from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.recipe import load_recipe
from medsyngen.synthesis.experts import SHIPPED, cache_folder, expert_key, save_expert
from medsyngen.synthesis.staged_diffusion import StagedDiffusion

BENCHMARK = (
    "scans.size=28",
    "synthesis.public.steps=7000",
    "synthesis.public.ema_decay=0.999",
    "synthesis.public.described=0.5",
)
"""The open benchmark's expert: its tasks have 28 pixels, and all of its arms share it."""
UNDESCRIBED = (*BENCHMARK, "synthesis.public.described=0")
"""What the benchmark compares it with."""
EXPERTS = (
    ("chest-radiograph-32", ()),
    ("demo-32", ()),
    ("chest-radiograph-32", BENCHMARK),
    ("chest-radiograph-32", UNDESCRIBED),
    ("hippocampus-mr-3d", ()),
)


def show(phase: str, done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {phase}: {done} of {total}\n")


def main() -> None:
    kept = set()
    for name, overrides in EXPERTS:
        recipe = load_recipe(name, overrides)
        method: StagedDiffusion = recipe.synthesis
        identity = method.expert_identity(recipe.scans.image_size)
        path = SHIPPED / f"{expert_key(identity)}.safetensors"
        if not path.is_file():
            unfinished = Unfinished(cache_folder() / f"{path.stem}.unfinished")
            weights = method.train_public_expert(
                recipe.scans.image_size,
                device=torch.device("cpu"),
                bfloat16="--bfloat16" in sys.argv,
                unfinished=unfinished,
                progress=show,
            )
            save_expert(SHIPPED, identity, weights)
            unfinished.path.unlink(missing_ok=True)
        kept.add(path)
    for path in SHIPPED.glob("*.safetensors"):
        if path not in kept:
            path.unlink()
    for path in sorted(kept):
        sys.stdout.write(f"{path.name} {path.stat().st_size / 1e6:.2f} MB\n")


if __name__ == "__main__":
    main()
