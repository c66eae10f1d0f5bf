"""A patient's gradient does not depend on its slot or its company: measured on the real network, CPU.

Were it to depend on them, removing one patient would move the others' gradients too, and the sum by more than C.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.privacy.clipping import CLIP_MARGIN
from medsyngen.privacy.gradient_sum import clipped_sum, patient_streams
from medsyngen.privacy.patient_gradients import per_patient_gradients
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

SIDE, SLOTS, C = 16, 16, 0.3
SMALL = UNetSize(channels=(8, 16, 16), attention=(False, False, True), norm_groups=4, head_channels=8)
Gradients = Callable[[Sequence[int]], Tensor]


@pytest.fixture(scope="module")
def real() -> tuple[ContextLoss, dict[str, Tensor], Cohort]:
    """Three levels, attention, as many classes as a recipe has; patients are phantoms."""
    net = build_unet(SMALL, image_channels=1, class_rows=3, seed=0).eval()
    generator = torch.Generator().manual_seed(0)  # MONAI's zero layers would give most gradients as zero
    weights = {k: v.detach() + 0.05 * torch.randn(v.shape, generator=generator) for k, v in net.named_parameters()}
    rng = np.random.Generator(np.random.PCG64(0))
    pixels = PhantomMix((("chest_radiograph", 0.9), ("dead_leaves", 0.1))).draw(24, SIDE, rng)
    records = {PatientKey(f"p{i:02d}"): PatientRecord(pixels[i : i + 1], np.array([i % 3])) for i in range(24)}
    return ContextLoss(net, StageBands().split(SIDE**2)[1], NoiseLaw(0.0, 1.2), 2, 1), weights, Cohort(records)


def drawn_by(real, **changes: Tensor) -> list[dict[str, Tensor]]:
    loss, _, cohort = real
    stream = SecureStream(bytes(32))
    return [{**loss.draw(cohort[p], stream.child(p.to_bytes())), **changes} for p in cohort]


def gradients_of(real, draws: list[dict[str, Tensor]]) -> Gradients:
    loss, weights, _ = real

    def gradients(patients: Sequence[int]) -> Tensor:
        batch = {name: torch.stack([draws[i][name] for i in patients]) for name in draws[0]}
        return per_patient_gradients(loss, weights, batch)

    return gradients


def off(got: Tensor, want: Tensor) -> float:
    """Length of the difference in units of the gradient's length."""
    return float((got.double() - want.double()).norm() / want.double().norm())


def worst(gradients: Gradients, companies: Sequence[Sequence[int]]) -> float:
    """Returns how far any patient's gradient is from the one it has among the first sixteen in order."""
    home = gradients(range(SLOTS))
    found = 0.0
    for company in companies:
        for got, patient in zip(gradients(company), company, strict=True):
            if patient < SLOTS:
                found = max(found, off(got, home[patient]))
    return found


def companies(count: int) -> list[list[int]]:
    rng = np.random.Generator(np.random.PCG64(1))
    return [rng.permutation(24)[:SLOTS].tolist() for _ in range(count)] + [[3] * SLOTS]


def test_in_micro_batches_of_one_size_the_gradient_is_the_same_to_the_last_bit(real):
    assert worst(gradients_of(real, drawn_by(real)), companies(3)) == 0.0


def test_a_hostile_company_changes_nothing(real):
    """Patients of NaN, of infinities, of huge values in the other slots."""
    draws = drawn_by(real)
    home = gradients_of(real, draws)(range(SLOTS))
    for i, value in enumerate([math.nan, math.inf, -math.inf, 1e30, 1e-40]):
        draws[SLOTS + i] = {**draws[SLOTS + i], "y": torch.full_like(draws[0]["y"], value)}
    among_them = [*range(SLOTS, SLOTS + 5), *range(5, SLOTS)]
    got = gradients_of(real, draws)(among_them)
    assert torch.equal(got[5:], home[5:])
    assert not bool(got[0].isfinite().all())


def test_micro_batches_of_another_size_are_off_by_rounding_only(real):
    """One to sixteen slots; neighbours always share a size, so this is no question of privacy, only of results."""
    gradients = gradients_of(real, drawn_by(real))
    assert worst(gradients, [range(slots) for slots in range(1, SLOTS + 1)]) < (1 - CLIP_MARGIN) / 16


def test_the_check_catches_a_normalisation_over_the_micro_batch(real):
    """Pitfall: a statistic of the batch, here its mean picture, taken from every scan."""
    loss, weights, _ = real
    draws = drawn_by(real)

    def mutant(patients: Sequence[int]) -> Tensor:
        batch = {name: torch.stack([draws[i][name] for i in patients]) for name in draws[0]}
        batch["y"] = batch["y"] - batch["y"].mean(0, keepdim=True)
        return per_patient_gradients(loss, weights, batch)

    assert worst(mutant, companies(1)) > 1 - CLIP_MARGIN


def test_removing_a_patient_takes_its_vector_from_the_sum_and_nothing_else(real):
    """Every slot after the missing patient's shifts by one, and the last micro-batch has one company less."""
    loss, weights, cohort = real
    step = secure_generator()

    def total_of(patients: Cohort) -> Tensor:
        sampled = draw_patients(patients, 1.0, step)
        return clipped_sum(
            loss,
            weights,
            patients,
            sampled,
            clipping_norm=C,
            micro_batch=8,
            streams=patient_streams(step),
            device=torch.device("cpu"),
        )

    patients = list(cohort)[:17]  # two micro-batches and one slot
    cohort = Cohort({p: cohort[p] for p in patients})
    whole = total_of(cohort)
    for patient in (patients[0], patients[9]):
        moved = whole - total_of(cohort.without(patient))
        own = total_of(Cohort({patient: cohort[patient]}))
        assert math.sqrt(math.fsum((moved**2).tolist())) <= C
        assert float((moved - own).norm()) < 1e-12 * C
