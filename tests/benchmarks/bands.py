"""Where phantoms can stand in for real scans: gaps of denoisers against noise level, in closed form and as measured.

    python -m tests.benchmarks.bands --kept FOLDER [--sizes 28 64] [--only-train NAME:SIZE:SEED ...]

On chest radiographs of the NIH, which are public: a denoiser trained on 200 patients against denoisers trained on
phantoms, on images of 64 other patients; beside it the same between two phantom families, the edge rule, and floors.
Networks are kept in FOLDER, outside the repository; figures go to docs/benchmarks/bands.json and bands.svg.
"""

import argparse
import json
import math
import os
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np

from medsyngen.diffusion.band_gaps import divergence_of_spectra, gap_of_spectra, mean_and_spectrum
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import SIGMA_DATA
from medsyngen.diffusion.family_gaps import outer_nats
from medsyngen.diffusion.measured_gaps import SMALL_NETWORK, measure_gaps
from medsyngen.phantoms.catalogue import phantom
from medsyngen.phantoms.source import draw_phantoms
from medsyngen.randomness import Streams
from tests.benchmarks.band_denoisers import REAL, TRAININGS, denoiser, family, real_images
from tests.benchmarks.band_figure import figure
from tests.benchmarks.band_matrices import gap_of_covariances
from tests.benchmarks.prove import DATA, OUT, machine

GRID = [round(-6.0 + 0.5 * i, 1) for i in range(25)]
CHEST, LEAVES = "chest_radiograph", "dead_leaves"
PAIRS = ((REAL, CHEST), (REAL, LEAVES), (CHEST, LEAVES))
IMAGES = {28: 4096, 64: 2048, 128: 1024}
"""Phantoms behind a mean and a spectrum."""
NATS = (0.03, 0.1, 0.3, 1.0)


def show(phase: str, done: int, total: int) -> None:
    if done % 100 == 0 or done == total:
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {phase}: {done} of {total}\n")


def spectra(size: int, scans: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Means and spectra of all families; real ones of both parts of the patients, up to the size they are stored in."""
    found = {}
    if size <= 64:
        train, test = real_images(size, scans)
        found = {REAL: mean_and_spectrum(train), "nih, other patients": mean_and_spectrum(test)}
    for name in (CHEST, LEAVES):
        images = draw_phantoms(phantom(name), IMAGES[size], size, Streams(7).numpy(f"spectrum {name}"))
        found[name] = mean_and_spectrum(images)
    return found


def closed_form(found: dict[str, tuple[np.ndarray, np.ndarray]], size: int) -> dict[str, object]:
    """Curves of every pair, what the outer bands cost, and how many grey levels the gap is at the cleaning edge."""
    pairs = [*PAIRS, (REAL, "nih, other patients")]
    said = {}
    for one, other in pairs:
        if one not in found:
            continue
        both = (*found[one], *found[other])
        curve = gap_of_spectra(*both, np.exp(GRID))
        edges = [math.log(band.low) for band in StageBands().split(size**2)[:2]]
        at_edges = gap_of_spectra(*both, np.exp(edges))
        coarse, cleaning = outer_nats(*both, size)
        said[f"{one} / {other}"] = {
            "log_sigma": GRID,
            "of_network": rounded(curve.of_network),
            "nats": rounded(curve.nats),
            "edges": dict(zip(("context", "cleaning"), rounded(edges), strict=True)),
            "of_network_at_edges": dict(zip(("context", "cleaning"), rounded(at_edges.of_network), strict=True)),
            "grey_levels_at_cleaning_edge": rounded([127.5 * at_edges.squared[1] ** 0.5])[0],
            "coarse_nats": rounded([coarse])[0],
            "cleaning_nats": rounded([cleaning])[0],
            "all_nats": rounded(divergence_of_spectra(*both, [StageBands().sigma_min]))[0],
        }
    return said


def lowest_powers(found: dict[str, tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    """The 5th percentile of each family's powers over frequencies: its noise floor."""
    return {name: rounded([np.percentile(power, 5)])[0] for name, (_, power) in found.items()}


def edge_rule(by_size: dict[int, dict[str, tuple[np.ndarray, np.ndarray]]]) -> dict[str, object]:
    """Where the upper and the lower shoulder of each pair's curve lie at each size; the rule says ln(size / 28)."""
    grid = np.linspace(-7, 8, 3001)
    said: dict[str, object] = {"rule": {size: rounded([math.log(size / 28)])[0] for size in by_size}}
    for one, other in PAIRS:
        rows = {}
        for size, found in by_size.items():
            if one not in found:
                continue
            both = (*found[one], *found[other])
            above, curve = divergence_of_spectra(*both, np.exp(grid)), gap_of_spectra(*both, np.exp(grid)).of_network
            row = {f"{nats} nats above": float(np.interp(-nats, -above, grid)) for nats in NATS}
            row["half of the plateau above"] = float(grid[np.flatnonzero(curve < curve[-1] / 2)[-1]])
            peak = int(np.argmax(np.where(grid < -1.5, curve, 0)))
            row["half of the peak below"] = float(np.interp(curve[peak] / 2, curve[:peak], grid[:peak]))
            rows[str(size)] = {key: round(value, 2) for key, value in row.items()}
        said[f"{one} / {other}"] = rows
    return said


def whole_covariances() -> dict[str, object]:
    """The pair of phantom families at 28 pixels, of which there are images enough for whole covariance matrices."""
    images = [
        draw_phantoms(phantom(name), 6000, 28, Streams(8).numpy(f"covariance {name}")) for name in (CHEST, LEAVES)
    ]
    levels = [float(x) for x in range(-6, 7)]
    diagonal = gap_of_spectra(*mean_and_spectrum(images[0]), *mean_and_spectrum(images[1]), np.exp(levels))
    return {
        "pair": f"{CHEST} / {LEAVES}",
        "log_sigma": levels,
        "of_network": rounded(gap_of_covariances(*images, np.exp(levels).tolist())),
        "of_network_by_spectra": rounded(diagonal.of_network),
    }


def measured(size: int, scans: Path, kept: Path) -> dict[str, object]:
    """Gaps of trained networks; those compared have different seeds, the floor's as well."""
    said: dict[str, object] = {}
    for on, others in ((REAL, (CHEST, LEAVES)), (CHEST, (LEAVES,))):
        names = [*others, on]
        paths = [(on, 1), *((name, 0) for name in names)]
        if not all(any(kept.glob(f"{name}-{size}-seed{seed}-*.pt")) for name, seed in paths):
            show(f"{on}, {size} pixels: not all networks are there", 0, 0)
            continue
        first, *rest = (denoiser(name, size, seed, scans=scans, kept=kept, progress=show) for name, seed in paths)
        fresh = family(on, size, scans, fresh=175 if size == 28 else 96).fresh
        gaps = measure_gaps(first, rest, fresh, GRID[:23], streams=Streams(3), progress=show)
        for name, found in zip(names, gaps, strict=True):
            rows = [asdict(gap) for gap in found]
            for row, again in zip(rows, gaps[-1], strict=True):
                # Over the mean of both networks of the family itself: one alone may have trained badly.
                row["excess_over_both"] = row["excess"] - (0 if name == on else again.excess / 2)
            said[f"{on} / {name}"] = [{key: float(f"{v:.4g}") for key, v in row.items()} for row in rows]
    return said


def rounded(values) -> list[float]:
    return [float(f"{value:.4g}") for value in values]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kept", type=Path, required=True)
    parser.add_argument("--scans", type=Path, default=DATA / "nih_cxr_dicom")
    parser.add_argument("--sizes", type=int, nargs="+", default=[28, 64])
    parser.add_argument("--only-train", nargs="+", default=[])
    parser.add_argument("--out", type=Path, default=OUT / "bands.json")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != "1":
        raise SystemExit("set OMP_NUM_THREADS=1: networks repeat to the bit with one thread only")
    for job in options.only_train:
        name, size, seed = job.split(":")
        denoiser(name, int(size), int(seed), scans=options.scans, kept=options.kept, progress=show)
    if options.only_train:
        return
    by_size = {size: spectra(size, options.scans) for size in (*options.sizes, 128)}
    result = {
        "part": "bands",
        "machine": machine(),
        "network": asdict(SMALL_NETWORK),
        "sigma_data": SIGMA_DATA,
        "trainings": {size: {"steps": t.steps, "batch_size": t.batch_size} for size, t in TRAININGS.items()},
        "phantoms": {name: phantom(name).version for name in (CHEST, LEAVES)},
        "lowest_powers": {size: lowest_powers(found) for size, found in by_size.items()},
        "closed_form": {size: closed_form(by_size[size], size) for size in options.sizes},
        "edge_rule": edge_rule(by_size),
        "whole_covariances": whole_covariances(),
        "measured": {size: measured(size, options.scans, options.kept) for size in options.sizes},
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    options.out.with_suffix(".svg").write_text(figure(json.loads(options.out.read_text())))


if __name__ == "__main__":
    main()
