"""Broken implementations of private training, kept here only to see that the audit notices; and a toy to break."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.evaluation.attacked_training import Audited, Implementation
from medsyngen.evaluation.canaries import Canaries, draw_canaries
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.dpsgd import DPSGD
from medsyngen.privacy.mechanism import GaussianSum
from medsyngen.randomness import SecureStream, Streams, secure_generator
from medsyngen.scan import PatientKey

SIDE = 8


class ToyLoss:
    """How well a linear map turns a noisy image into the clean one; over m scans and one draw each."""

    def __init__(self, scans: int) -> None:
        self.scans = scans

    def draw(self, record: PatientRecord, stream: SecureStream) -> Mapping[str, torch.Tensor]:
        n = len(record.pixels)
        index = stream.choose(n, min(n, self.scans))[np.arange(self.scans) % min(n, self.scans)]
        y = torch.from_numpy(record.pixels[index]).flatten(1)
        return {"y": y, "x": y + 0.1 * torch.from_numpy(stream.normal(tuple(y.shape))).float()}

    def __call__(self, parameters: Mapping[str, torch.Tensor], drawn: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return ((drawn["x"] @ parameters["w"].T - drawn["y"]) ** 2).sum(1).mean()


class NoClipping(GaussianSum):
    def factors(self, gradients: torch.Tensor, clipping_norm: float) -> torch.Tensor:
        return torch.ones(len(gradients), dtype=torch.float64)


class TooLittleNoise(GaussianSum):
    def release(self, total, std, stream):  # type: ignore[no-untyped-def]
        return super().release(total, std / 10, stream)


def image_by_image(cohort: Cohort) -> Cohort:
    """Every image is drawn and clipped as if it were a patient: the unit is the image, the claim is the patient's."""
    return Cohort(
        {
            PatientKey(key.patient_id, f"image {number}"): PatientRecord(
                record.pixels[number : number + 1], record.classes[number : number + 1]
            )
            for key, record in cohort.items()
            for number in range(len(record.pixels))
        }
    )


def seeded_coin(step: int, patient: PatientKey) -> float:
    """The coin that a seeded sampler throws: known to whoever knows the seed."""
    return _seeded(b"step\x00%d" % step + b"take part\x00" + patient.to_bytes())


def _seeded(label: bytes) -> float:
    return int.from_bytes(hashlib.sha256(label).digest()[:8], "little") * 2.0**-64


class SeededSampling:
    """Secret streams for everything but who takes part."""

    seeded = False

    def __init__(self, secret: SecureStream, step: int | None = None) -> None:
        self.secret, self.step = secret, step

    def child(self, label: bytes) -> "SeededSampling | SecureStream":
        if self.step is None and label.startswith(b"step\x00"):
            return SeededSampling(self.secret.child(label), int(label.partition(b"\x00")[2]))
        return self.secret.child(label)

    def coin(self, label: bytes) -> float:
        return _seeded(b"step\x00%d" % (self.step or 0) + label)


@dataclass(frozen=True)
class Setting:
    """A claim, and canaries to test it with."""

    epsilon: float = 1.0
    delta: float = 2e-6
    patients_at_most: int = 4000
    steps: int = 40
    rate: float = 0.1
    canaries: int = 128
    scans: tuple[int, ...] = (2, 3, 5)

    def claim(self) -> Audited:
        budget = Budget(self.epsilon, self.delta)
        training = DPSGD(
            steps=self.steps,
            patients_per_step=self.rate * self.patients_at_most,
            clipping_norm=1.0,
            scans_per_patient=2,
            draws_per_scan=1,
            learning_rate=1e-3,
            micro_batch=64,
            block=self.steps,
        )
        return Audited(
            loss=ToyLoss(2),
            weights={"w": torch.zeros(SIDE**2, SIDE**2)},
            training=training,
            patients_at_most=self.patients_at_most,
            noise_multiplier=calibrate_noise(budget, sampling_rate=self.rate, steps=self.steps),
            budget=budget,
            recipe_sha256="a" * 64,
        )

    def canary_patients(self, seed: int) -> Canaries:
        return draw_canaries(
            draw_toy_phantoms, Streams(seed), count=self.canaries, others=8, classes=0, scans=self.scans
        )


def draw_toy_phantoms(count: int, rng: np.random.Generator) -> np.ndarray:
    return (0.5 * rng.choice([-1.0, 1.0], (count, 1, SIDE, SIDE))).astype(np.float32)


FULL = Setting()
MANY_IMAGES = Setting(scans=(16,))
# Small q, little noise, many steps: nearly all of the privacy comes from not knowing who takes part.
MOSTLY_SAMPLING = Setting(steps=1500, rate=0.003, canaries=300, delta=1e-5, patients_at_most=1000)


def seeded_sampling(rate: float) -> Implementation:
    return Implementation(
        keys=lambda: SeededSampling(secure_generator()),  # type: ignore[arg-type, return-value]
        takes_part=lambda step, patient: float(seeded_coin(step, patient) < rate),
    )


VARIANTS = {
    "right": (FULL, lambda rate: Implementation()),
    "no clipping": (FULL, lambda rate: Implementation(mechanism=NoClipping())),
    "noise / 10": (FULL, lambda rate: Implementation(mechanism=TooLittleNoise())),
    "image-level clipping": (MANY_IMAGES, lambda rate: Implementation(view=image_by_image)),
    "seeded sampling": (MOSTLY_SAMPLING, seeded_sampling),
}
"""Name -> what is claimed, and what really runs (given the sampling rate)."""
