"""The patient with the most scans of a real archive, against the clipping norm of the shipped recipe."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.reading import read_cohort
from medsyngen.diffusion.unet import build_unet
from medsyngen.privacy.clipping import clip_factors
from medsyngen.privacy.gradient_sum import clipped_sum, patient_streams
from medsyngen.randomness import secure_generator
from medsyngen.recipe import load_recipe
from medsyngen.scan import PatientKey

pytestmark = [pytest.mark.realdata, pytest.mark.slow]
CPU = torch.device("cpu")
MOST = PatientKey("NIH-00181")
"""66 radiographs."""
OTHERS = 7


@pytest.fixture(scope="module")
def recipe():
    return load_recipe("chest-radiograph-32", patients_at_most=300)


@pytest.fixture(scope="module")
def cohort(real_data: Path, recipe, tmp_path_factory) -> Cohort:
    """The patient and a few others: enough to see whether they are left alone."""
    archive, folder = real_data / "nih_cxr_dicom", tmp_path_factory.mktemp("scans")
    if not archive.is_dir():
        pytest.skip("REALDATA: nih_cxr_dicom is not in the folder of real scans")
    names = sorted(path.name for path in archive.iterdir() if path.is_dir() and path.name != MOST.patient_id)
    for name in (MOST.patient_id, *names[:OTHERS]):
        shutil.copytree(archive / name, folder / name)
    reading = read_cohort(folder, form=recipe.scans)
    assert "1 patients have more than 50 scans" in reading.notices[0]
    return reading.cohort


@pytest.fixture(scope="module")
def step(recipe):
    """One noiseless step of the recipe's private training, from the shipped public expert: sum, and gradients."""
    method = recipe.synthesis
    weights = method.public_expert(recipe.scans.size, device=CPU)
    network = build_unet(method.network, image_channels=1, class_rows=1, seed=0).eval()
    secret = secure_generator()

    def total_of(cohort: Cohort, scans_per_patient: int = method.private.scans_per_patient):
        heard = []

        def listen(gradients, clipping_norm):
            heard.append(gradients)
            return clip_factors(gradients, clipping_norm)

        loss = dataclasses.replace(method.context_loss(network, recipe.scans.size), scans_per_patient=scans_per_patient)
        total = clipped_sum(
            loss, weights, cohort, list(cohort), clipping_norm=method.private.clipping_norm,
            micro_batch=method.private.micro_batch, streams=patient_streams(secret), device=CPU, factors=listen,
        )  # fmt: skip
        return total, torch.cat(heard)[: len(cohort)]

    return total_of


def test_the_patient_with_66_scans_moves_the_sum_by_at_most_c(cohort, recipe, step):
    C = recipe.synthesis.private.clipping_norm
    assert len(cohort[MOST].pixels) == 66
    whole, gradients = step(cohort)
    rest, gradients_without = step(cohort.without(MOST))
    moved = (whole - rest).norm().item()
    assert moved <= C
    place = list(cohort).index(MOST)
    assert moved == pytest.approx(min(C * (1 - 2**-10), gradients[place].norm().item()), rel=1e-6)
    assert torch.equal(torch.cat([gradients[:place], gradients[place + 1 :]]), gradients_without)


def test_clipping_every_image_alone_would_let_this_patient_move_it_many_times_as_far(cohort, recipe, step):
    """The pitfall, on real scans: the unit is the image."""
    C, record = recipe.synthesis.private.clipping_norm, cohort[MOST]
    images = Cohort(
        {PatientKey(f"{i}"): PatientRecord(record.pixels[i : i + 1], record.classes[i : i + 1]) for i in range(66)}
    )
    total, _ = step(images, scans_per_patient=1)
    assert total.norm().item() > 10 * C
