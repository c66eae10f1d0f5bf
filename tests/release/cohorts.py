"""Small made-up cohorts of every kind, written as an export writes them, and the gate's word on them."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from released import sound_report

from medsyngen.errors import ReleaseRefused
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import write_draft
from medsyngen.release.form import ReleaseForm
from medsyngen.release.gate import ReleaseGate
from medsyngen.synthesis.synthesizer import Draws

CLASSES = ("opacity", "normal")
GIVEN = ("normal", "", "opacity", "normal", "opacity")
PICTURE, VOLUME = (6, 7), (6, 7, 4)
CT = {"modality": "CT", "pixel_spacing_mm": 0.7, "slice_spacing_mm": 2.5, "window": (-1000, 400)}
MR = {"modality": "MR", "pixel_spacing_mm": 0.7, "slice_spacing_mm": 2.5, "body_part": "BRAIN"}
GUARANTEE = "ε = 7.9 at δ = 1e-6"
KINDS = {
    "radiographs": (PICTURE, ("dicom", "nifti", "png", "npz"), {"images_per_patient": 2}),
    "digital radiographs": (PICTURE, ("dicom",), {"modality": "DX", "pixel_spacing_mm": 0.2}),
    "slices": (PICTURE, ("dicom", "nifti", "png", "npz"), {**CT, "bits": 13}),
    "volumes of CT": (VOLUME, ("dicom", "nifti", "png", "npz"), CT),
    "volumes of MR": (VOLUME, ("dicom", "nifti", "bids"), {**MR, "images_per_patient": 4, "studies_per_patient": 2}),
    "pictures of MR": (PICTURE, ("bids", "png"), MR),
    "captures": (PICTURE, ("dicom", "png"), {"modality": "SC", "bits": 8, "series_description": "a test"}),
    "frames": (VOLUME, ("dicom", "nifti", "npz"), {"modality": "MFSC", "pixel_spacing_mm": 0.5, "bits": 16}),
    "frames of bytes": (VOLUME, ("dicom",), {"modality": "MFSC", "bits": 8}),
}
"""Shape, formats and form of cohorts that together use every template and every writer."""


def pixels_of(shape, count=len(GIVEN), seed=1):
    """Noise, smooth at no scale, so that a flip or a transposition can't go unseen."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, 1, *shape)).astype(np.float32)


def made(folder, shape, formats, form, *, given=GIVEN, **more):
    """Writes a cohort and returns its draft."""
    folder.mkdir(parents=True)
    return write_draft(
        Draws(pixels_of(shape, len(given)), given),
        ReleaseForm(**form),
        formats=formats,
        guarantee=GUARANTEE,
        report_files=sound_report(),
        folder=folder,
        **{"classes": CLASSES, **more},
    )


def review(draft):
    """The release, if the gate lets it pass."""
    facts = GuaranteeFacts(epsilon=1.0, delta=1e-6, unit="patient", seeded=False, not_private=False)
    return ReleaseGate(8.0, 1e-5).review(draft, guarantee=facts, identifiers=frozenset())


def refusal(draft):
    """The names of the checks that refuse, and what they say."""
    with pytest.raises(ReleaseRefused) as caught:
        review(draft)
    return {line.split(":")[0] for line in caught.value.details}, "\n".join(caught.value.details)


def program(name):
    """The path of an external program; without it the test is skipped, which continuous integration doesn't bear."""
    beside = Path(sys.executable).with_name(name)  # dicom3tools comes as a package
    found = str(beside) if beside.is_file() else shutil.which(name)
    if found is None:
        pytest.skip(f"EXTERNAL: no {name} here (.ci/run installs it)")
    return Path(found)
