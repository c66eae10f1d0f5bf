"""The simulated hospital: invented patients with radiographs, in memory or as a folder of DICOM files.

It stands in for private scans in the demo and in development. No person, no real scan and no phantom went into it.
"""

from __future__ import annotations

import csv
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from medsyngen.errors import UsageError
from medsyngen.progress import Progress, silent
from medsyngen.randomness import Streams
from medsyngen.scan import Pixels
from medsyngen.simulation.anatomy import draw_anatomy, draw_pose
from medsyngen.simulation.pictures import paint, split_blocks

LABELS = "labels.csv"
OPACITY_SHARE = 0.4
MOST_SCANS = 4
_PHASE = "simulated hospital"
_README = """\
SIMULATED HOSPITAL
==================
Everything in this folder was invented by a program (medsyngen, medsyngen/simulation/).
No person stands behind any file: names, identifiers, dates and pictures are made up. The pictures were not made from
real scans and are no good for any medical purpose. The folder stands in for a hospital's private scans in the demo.

SIM-00001/001.dcm ...   computed radiographs, {size} x {size} pixels, 12 bit, 1 to {most} a patient
labels.csv              patient_id, path, label (0 = normal, 1 = opacity)

patients {patients}, radiographs {scans}, seed {seed}
"""


@dataclass(frozen=True)
class HospitalFacts:
    """What was written; all of it is public, because nobody real is in it.

    Args:
        patients: Number of patients.
        scans: Number of radiographs.
        opacities: How many radiographs carry the label 1.
        size: Side of the square pictures in pixels.
    """

    patients: int
    scans: int
    opacities: int
    size: int


def simulate_images(
    patients: int, size: int, rng: np.random.Generator, *, progress: Progress = silent
) -> tuple[list[Pixels], list[NDArray[np.int64]]]:
    """Simulates radiographs in memory.

    A patient's anatomy is the same in all of the patient's radiographs; pose, exposure and opacities change. A patient
    has an opacity or hasn't (0.4 to 0.6), and about one radiograph in twelve differs from its patient's state.

    Args:
        patients: Number of patients, at least 1.
        size: Side of the square pictures in pixels, at least 16.
        rng: Public randomness.
        progress: Told after every block of pictures.

    Returns:
        Per patient, float32 pictures in [-1, 1] of shape (scans, 1, size, size), and int64 labels of shape (scans,):
        0 normal, 1 opacity.

    Raises:
        ValueError: If there are no patients or the picture is too small for the marker.
    """
    if patients < 1 or size < 16:
        raise ValueError(f"need at least 1 patient and 16 pixels, got {patients} and {size}")
    anatomy = draw_anatomy(patients, rng)
    scans = rng.integers(1, MOST_SCANS + 1, patients)
    owner = np.repeat(np.arange(patients), scans)
    ill = rng.random(patients) < OPACITY_SHARE
    labels = (ill[owner] ^ (rng.random(len(owner)) < 1 / 12)).astype(np.int64)
    pose = draw_pose(labels, rng)
    pictures = np.empty((len(owner), 1, size, size), dtype=np.float32)
    for block in split_blocks(len(owner), size):
        pictures[block, 0] = paint(anatomy.take(owner[block]), pose.take(block), size, rng)
        progress(_PHASE, int(block[-1]) + 1, len(owner))
    ends = np.cumsum(scans)[:-1]
    return np.split(pictures, ends), np.split(labels, ends)


def simulate_hospital(
    folder: Path, *, patients: int = 2500, size: int = 32, seed: int, progress: Progress = silent
) -> HospitalFacts:
    """Writes a simulated hospital: ``SIM-00001/001.dcm`` and so on, ``labels.csv`` and ``README.txt``.

    The folder appears complete or not at all. The same arguments give the same bytes.

    Args:
        folder: Where to; must not exist, or be empty.
        patients: Number of patients.
        size: Side of the square pictures in pixels.
        seed: Public seed of everything in the folder.
        progress: Told how many files are written.

    Returns:
        What was written.

    Raises:
        UsageError: If the folder holds something already.
    """
    from medsyngen.simulation.dicom_files import RadiographWriter  # pydicom only where files are written

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError("the folder for the simulated hospital is not empty", do="name a new folder, or remove it")
    streams = Streams(seed)
    pictures, labels = simulate_images(patients, size, streams.numpy("simulated hospital: pictures"))
    total = sum(len(each) for each in labels)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
        draft = Path(scratch) / "hospital"
        draft.mkdir()
        writer = RadiographWriter(seed, size)
        rng = streams.numpy("simulated hospital: headers")
        rows: list[tuple[str, str, int]] = []
        for number, (images, findings) in enumerate(zip(pictures, labels, strict=True), start=1):
            patient = f"SIM-{number:05d}"
            (draft / patient).mkdir()
            names = [f"{patient}/{scan:03d}.dcm" for scan in range(1, len(images) + 1)]
            writer.write_patient(number, images[:, 0], [draft / name for name in names], rng)
            rows += [(patient, name, int(label)) for name, label in zip(names, findings, strict=True)]
            progress(_PHASE, len(rows), total)
        _write_labels(draft / LABELS, rows)
        readme = _README.format(size=size, most=MOST_SCANS, patients=patients, scans=total, seed=seed)
        (draft / "README.txt").write_text(readme, encoding="utf-8")
        draft.replace(folder)
    return HospitalFacts(patients=patients, scans=total, opacities=sum(row[2] for row in rows), size=size)


def _write_labels(path: Path, rows: list[tuple[str, str, int]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(("patient_id", "path", "label"))
        table.writerows(rows)
