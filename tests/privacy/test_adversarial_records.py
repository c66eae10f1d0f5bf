"""Whatever a record holds: nothing raises, its patient moves the sum by at most C, nobody else's part changes."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import LinearLoss, toy_weights

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.cohort.reading import read_cohort
from medsyngen.cohort.transforms import ScanForm
from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.privacy.clipping import clip_factors
from medsyngen.privacy.gradient_sum import clipped_sum, patient_streams
from medsyngen.randomness import secure_generator, seeded_generator_for_tests
from medsyngen.scan import PatientKey
from medsyngen.synthesis.context_loss import ContextLoss

CPU, CLASSES, C = torch.device("cpu"), 3, 0.3
SCANS = (1, 2, 66)
VALUES = {
    "large": 1e6,
    "huge": 1e30,
    "huge and negative": -3e38,
    "NaN": float("nan"),
    "infinite": float("inf"),
    "minus infinity": float("-inf"),
    "denormal": 1e-42,
    "constant": 0.5,
    "zero": 0.0,
    "usual": None,
    "one bad pixel": "one",
    "everything at once": "mixed",
}


def hostile(kind: str, scans: int, side: int, seed: int, bad: float = float("nan")) -> PatientRecord:
    """A record of the kind, with every class and the null class in it if it has scans enough."""
    rng = np.random.default_rng(seed)
    pixels = rng.uniform(-1, 1, (scans, 1, side, side)).astype(np.float32)
    value = VALUES[kind]
    if value == "one":
        pixels[seed % scans, 0, -1, 0] = bad
    elif value == "mixed":
        pixels[...] = rng.choice([1e30, -3e38, np.nan, np.inf, 1e-42, 0.5], pixels.shape)
    elif value is not None:
        pixels[...] = value
    return PatientRecord(pixels, (np.arange(scans) + seed) % (CLASSES + 1))


@st.composite
def cases(draw, side: int, most: int) -> tuple[Cohort, PatientKey, int]:
    """A cohort, the patient who comes and goes, and the slots of a micro-batch."""
    kinds = st.sampled_from(list(VALUES))
    bad = st.sampled_from([float("nan"), float("inf"), 1e30])
    count = draw(st.integers(1, most))
    records = [
        hostile(draw(kinds), draw(st.sampled_from(SCANS)), side, draw(st.integers(0, 99)), draw(bad))
        for _ in range(count)
    ]
    cohort = Cohort({PatientKey(f"p{i}"): record for i, record in enumerate(records)})
    return cohort, PatientKey(f"p{draw(st.integers(0, count - 1))}"), draw(st.sampled_from([1, 2, most + 3]))


@dataclass
class Step:
    """One noiseless step, and each patient's own part of it."""

    loss: object
    weights: dict
    factors: object = clip_factors

    def __call__(self, cohort, sampled, slots, stream):
        parts = []

        def listen(gradients, clipping_norm):
            factors = self.factors(gradients, clipping_norm)
            parts.extend(torch.where(f > 0, g.double() * f, 0) for g, f in zip(gradients, factors, strict=True))
            return factors

        total = clipped_sum(
            self.loss, self.weights, cohort, sampled,
            clipping_norm=C, micro_batch=slots, streams=patient_streams(stream), device=CPU, factors=listen,
        )  # fmt: skip
        return total, dict(zip(sampled, parts, strict=False))


def broken_laws(step, cohort: Cohort, patient: PatientKey, slots: int) -> set[str]:
    """Takes the step with and without the patient, all others sampled both times, under one secret key."""
    stream, everybody = secure_generator(), list(cohort)
    others = [key for key in everybody if key != patient]
    whole, parts = step(cohort, everybody, slots, stream)
    rest, parts_without = step(cohort.without(patient), others, slots, stream)
    laws = {
        "finite": bool(whole.isfinite().all() and rest.isfinite().all()),
        "at most C": (whole - rest).norm().item() <= C,
        "nobody else": all(torch.equal(parts[key], parts_without[key]) for key in others if key in parts),
    }
    return {law for law, holds in laws.items() if not holds}


@given(cases(side=2, most=6))
def test_a_toy_of_exact_answers(case):
    assert broken_laws(Step(LinearLoss(), toy_weights()), *case) == set()


def unet(m: int, k: int) -> Step:
    size = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)
    network = build_unet(size, image_channels=1, class_rows=CLASSES + 1, seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    weights = {
        name: value.detach() + 0.05 * torch.randn(value.shape, generator=generator)
        for name, value in network.named_parameters()
    }
    return Step(ContextLoss(network, StageBands().split(64)[1], NoiseLaw(0.0, 1.2), m, k), weights)


STEPS = {(m, k): unet(m, k) for m, k in ((1, 1), (2, 3), (70, 1))}  # m = 70 is more scans than anybody has


@settings(max_examples=8)
@given(st.sampled_from(list(STEPS)), cases(side=8, most=3))
def test_the_networks_loss(mk, case):
    assert broken_laws(STEPS[mk], *case) == set()


@pytest.mark.parametrize("kind", VALUES)
def test_every_kind_of_record_with_66_scans_beside_a_usual_one(kind):
    records = {"p0": hostile(kind, 66, 8, 0), "p1": hostile("usual", 2, 8, 1), "p2": hostile(kind, 1, 8, 2)}
    cohort = Cohort({PatientKey(name): record for name, record in records.items()})
    assert broken_laws(STEPS[1, 1], cohort, PatientKey("p1"), 2) == set()
    assert broken_laws(STEPS[2, 3], cohort, PatientKey("p0"), 2) == set()


def test_the_parts_are_not_all_zero():
    """A large record brings a whole C, a usual one something, one that is not finite nothing."""
    kinds = ("large", "usual", "NaN", "infinite", "huge")
    cohort = Cohort({PatientKey(kind): hostile(kind, 2, 8, 0) for kind in kinds})
    _, parts = STEPS[2, 3](cohort, list(cohort), 2, secure_generator())
    norms = {key.patient_id: part.norm().item() for key, part in parts.items()}
    assert C * 0.998 < norms["large"] <= C
    assert 0 < norms["usual"] <= C
    assert norms["NaN"] == norms["infinite"] == norms["huge"] == 0


# --- records of no scan


def test_a_record_of_no_scan_can_not_be():
    with pytest.raises(ValueError, match="at least one scan"):
        PatientRecord(np.zeros((0, 1, 8, 8), np.float32), np.zeros(0, np.int64))


def test_a_patient_all_of_whose_scans_are_refused_is_absent(tmp_path):
    images = np.random.default_rng(0).uniform(0, 1, (6, 8, 8)).astype(np.float32)
    images[2:4] = np.nan
    ids = ["A", "A", "B", "B", "C", "C"]
    np.savez(tmp_path / "a.npz", images=images, patient_id=ids)
    form = ScanForm(size=8, window=(0.0, 1.0), max_skipped_share=0.5)
    reading = read_cohort(tmp_path / "a.npz", form=form)
    assert {key.patient_id for key in reading.cohort} == {"A", "C"}
    assert [refusal.reason for refusal in reading.refusals] == ["non-finite"] * 2
    assert broken_laws(STEPS[2, 3], reading.cohort, PatientKey("A"), 2) == set()


# --- wrong implementations, each caught by a law


def no_clipping(gradients, clipping_norm):
    return torch.ones(len(gradients), dtype=torch.float64)


def not_finite_let_through(gradients, clipping_norm):
    factors = clip_factors(gradients, clipping_norm)
    return torch.where(gradients.isfinite().all(1), factors, torch.ones_like(factors))


def clipped_by_the_largest_of_the_batch(gradients, clipping_norm):
    return clip_factors(gradients, clipping_norm).min().expand(len(gradients))


def refuses_what_is_not_finite(gradients, clipping_norm):
    if not gradients.isfinite().all():
        raise FloatingPointError("a gradient is not finite")
    return clip_factors(gradients, clipping_norm)


def every_scan_clipped_alone(cohort, sampled, slots, stream):
    """The privacy unit is the image: a patient brings up to C for each scan."""
    split = {
        PatientKey(f"{key.patient_id}/{i}"): PatientRecord(record.pixels[i : i + 1], record.classes[i : i + 1])
        for key in sampled
        for record in (cohort[key],)
        for i in range(len(record.pixels))
    }
    return TOY(Cohort(split), list(split), slots, stream)[0], {}


def weighted_by_the_number_of_scans(cohort, sampled, slots, stream):
    """A sum over scans where the average belongs: harmless before the clipping, not after it."""
    _, parts = TOY(cohort, sampled, slots, stream)
    parts = {key: part * len(cohort[key].pixels) for key, part in parts.items()}
    return sum(parts.values(), torch.zeros(15, dtype=torch.float64)), parts


class OneStreamForAll(LinearLoss):
    """Draws in turn: whoever comes first shifts the draws of the rest."""

    def __init__(self):
        self.stream = seeded_generator_for_tests(0)

    def draw(self, record, stream):
        return super().draw(record, self.stream)


TOY = Step(LinearLoss(), toy_weights())
MUTANTS = {
    "no clipping": (Step(LinearLoss(), toy_weights(), no_clipping), "large", "at most C"),
    "NaN let through": (Step(LinearLoss(), toy_weights(), not_finite_let_through), "NaN", "finite"),
    "infinity let through": (Step(LinearLoss(), toy_weights(), not_finite_let_through), "huge", "finite"),
    "every scan clipped alone": (every_scan_clipped_alone, "large", "at most C"),
    "weighted by scans": (weighted_by_the_number_of_scans, "usual", "at most C"),
    "clipped by the batch": (Step(LinearLoss(), toy_weights(), clipped_by_the_largest_of_the_batch), "large", "nobody"),
    "one stream for all": (Step(OneStreamForAll(), toy_weights()), "usual", "nobody"),
}


def cohort_with(kind: str) -> Cohort:
    records = [hostile(kind, 66, 2, 0), hostile("usual", 2, 2, 1), hostile("usual", 1, 2, 2)]
    return Cohort({PatientKey(f"p{i}"): record for i, record in enumerate(records)})


@pytest.mark.parametrize(("mutant", "kind", "law"), MUTANTS.values(), ids=MUTANTS)
def test_each_wrong_implementation_breaks_its_law(mutant, kind, law):
    cohort, patient = cohort_with(kind), PatientKey("p0")
    assert broken_laws(TOY, cohort, patient, 4) == set()
    assert any(broken.startswith(law) for broken in broken_laws(mutant, cohort, patient, 4))


def test_a_step_that_refuses_a_gradient_would_tell_of_the_record():
    with pytest.raises(FloatingPointError):
        broken_laws(
            Step(LinearLoss(), toy_weights(), refuses_what_is_not_finite), cohort_with("NaN"), PatientKey("p0"), 4
        )
