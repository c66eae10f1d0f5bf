"""The clipped sum: what one patient can do to it, and what nobody can."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import LinearLoss, toy_cohort, toy_weights

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.privacy.gradient_sum import Views, clipped_sum, patient_streams
from medsyngen.privacy.patient_sampling import draw_patients
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

CPU = torch.device("cpu")


def total_of(cohort: Cohort, step: SecureStream, *, c: float = 1.0, slots: int = 3, q: float = 1.0, loss=None):
    sampled = draw_patients(cohort, q, step)
    return clipped_sum(
        loss or LinearLoss(),
        toy_weights(),
        cohort,
        sampled,
        clipping_norm=c,
        micro_batch=slots,
        streams=patient_streams(step),
        device=CPU,
    )


@given(st.integers(2, 9), st.integers(0, 99), st.floats(0.01, 10), st.floats(0.1, 1.0), st.sampled_from([1, 1e6, 1e25]))
def test_a_patient_moves_the_sum_by_at_most_c(n: int, seed: int, c: float, q: float, scale: float):
    """Both ways: the same secret keys, with and without one patient; everyone else's draws are the same."""
    cohort, step = toy_cohort(n, seed, scale), secure_generator()
    whole = total_of(cohort, step, c=c, q=q)
    for patient in cohort:
        moved = (whole - total_of(cohort.without(patient), step, c=c, q=q)).norm().item()
        assert moved <= c
        if patient not in draw_patients(cohort, q, step):
            assert moved <= 1e-9 * c


@given(st.integers(1, 9), st.integers(1, 12))
def test_micro_batches_change_no_result(n: int, slots: int):
    cohort, step = toy_cohort(n), secure_generator()
    together, alone = total_of(cohort, step, slots=slots), total_of(cohort, step, slots=1)
    # Gradients are float32 and in company rounded otherwise: a few units in the last place of each patient's.
    assert (together - alone).abs().max().item() <= n * 2.0**-22


def test_a_patients_gradient_does_not_depend_on_its_slot_or_company():
    cohort, step = toy_cohort(7), secure_generator()
    parts = [total_of(Cohort({p: cohort[p]}), step) for p in cohort]
    torch.testing.assert_close(total_of(cohort, step), torch.stack(parts).sum(0), rtol=1e-6, atol=1e-9)


def test_an_empty_sample_gives_a_zero_sum():
    total = total_of(Cohort({}), secure_generator())
    assert total.dtype == torch.float64
    assert not bool(total.any())


def test_scans_are_averaged_into_one_gradient_however_many_there_are():
    """Pitfall: image-level clipping, where a patient with 66 scans counts 66 times."""
    rng = np.random.default_rng(0)
    pixels = rng.uniform(50, 100, (66, 1, 2, 2)).astype(np.float32)
    many = Cohort({PatientKey("a"): PatientRecord(pixels, np.zeros(66, np.int64))})
    assert total_of(many, secure_generator(), c=0.5).norm().item() <= 0.5


def mutant_image_level(cohort: Cohort, step: SecureStream, c: float) -> torch.Tensor:
    """The wrong way: every scan is a patient of its own."""
    split = {
        PatientKey(f"{i}"): PatientRecord(cohort[p].pixels[i : i + 1], cohort[p].classes[i : i + 1])
        for p in cohort
        for i in range(len(cohort[p].pixels))
    }
    return total_of(Cohort(split), step, c=c)


def test_the_check_above_catches_image_level_clipping():
    rng = np.random.default_rng(0)
    pixels = rng.uniform(50, 100, (66, 1, 2, 2)).astype(np.float32)
    many = Cohort({PatientKey("a"): PatientRecord(pixels, np.zeros(66, np.int64))})
    assert mutant_image_level(many, secure_generator(), 0.5).norm().item() > 0.5


def test_a_mutant_with_one_shared_stream_shifts_the_others_draws():
    """Pitfall: draws taken in turn from one stream, so that one patient more changes everybody's."""

    class Shared(LinearLoss):
        def __init__(self, stream):
            self.stream = stream

        def draw(self, record, stream):
            return super().draw(record, self.stream)

    cohort, step = toy_cohort(5), secure_generator()
    first = next(iter(cohort))
    moved = []
    for loss in (lambda: LinearLoss(), lambda: Shared(step.child(b"shared"))):
        whole = total_of(cohort, step, c=1e-3, loss=loss())
        rest = total_of(cohort.without(first), step, c=1e-3, loss=loss())
        moved.append((whole - rest).norm().item())
    assert moved[0] <= 1e-3
    assert moved[1] > 1e-3


def test_views_and_flat_weights_are_inverse():
    weights = toy_weights()
    views = Views({k: v.shape for k, v in weights.items()})
    back = views(views.flatten(weights))
    assert all(torch.equal(back[k], weights[k]) for k in weights)


def unet_loss() -> tuple[ContextLoss, dict[str, torch.Tensor]]:
    size = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)
    net = build_unet(size, image_channels=1, class_rows=3, seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    weights = {k: v.detach() + 0.05 * torch.randn(v.shape, generator=generator) for k, v in net.named_parameters()}
    return ContextLoss(net, StageBands().split(64)[1], NoiseLaw(0.0, 1.2), 2, 2), weights


@settings(max_examples=5)
@given(st.integers(0, 1000))
def test_the_networks_per_patient_gradients_equal_autograd_in_every_slot(seed: int):
    loss, weights = unet_loss()
    rng = np.random.default_rng(seed)
    records = [
        PatientRecord(rng.uniform(-1, 1, (n, 1, 8, 8)).astype(np.float32), rng.integers(0, 3, n)) for n in (1, 2, 5)
    ]
    cohort, step = Cohort({PatientKey(str(i)): r for i, r in enumerate(records)}), secure_generator()
    expected = torch.zeros(sum(w.numel() for w in weights.values()), dtype=torch.float64)
    for patient in cohort:
        drawn = loss.draw(cohort[patient], step.child(b"patient\x00" + patient.to_bytes()))
        leaves = {k: v.clone().requires_grad_() for k, v in weights.items()}
        slow = torch.cat([g.flatten() for g in torch.autograd.grad(loss(leaves, drawn), list(leaves.values()))])
        expected += slow.double() * min(1.0, (1 - 2**-10) / slow.double().norm().item())
    for slots in (2, 3, 4):
        total = clipped_sum(
            loss,
            weights,
            cohort,
            list(cohort),
            clipping_norm=1.0,
            micro_batch=slots,
            streams=patient_streams(step),
            device=CPU,
        )
        torch.testing.assert_close(total, expected, rtol=1e-4, atol=1e-6)
