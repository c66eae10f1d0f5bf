"""Portraits: a cohort's mean numbers, noised once, and phantoms drawn to have them.

A few public numbers are read off each picture; the patients' vectors of them are clipped, summed and noised once. Then
phantoms are weighed and drawn again until those of each class have the noised means. What is learned from patients is
one vector; all that can be shown is what the phantom can draw.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.errors import UsageError
from medsyngen.parallel import ALONE, Ranks
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_noise
from medsyngen.privacy.events import Event
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.one_sum import kept_beside_the_sum, sum_privately
from medsyngen.privacy.patient_sum import sum_event
from medsyngen.privacy.run_account import RunAccount
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, Streams
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.picture_measures import CELLS, LAYOUT, SCALES, TONES, detail, layout, tone
from medsyngen.synthesis.population_generator import PopulationFacts, PopulationGenerator
from medsyngen.synthesis.population_tensors import from_tensors
from medsyngen.synthesis.portrait_encoder import EncoderTraining, PortraitEncoder, encoder_measure
from medsyngen.synthesis.portrait_reading import Measure, PublicBank, Reading, learned_in, public_reading
from medsyngen.synthesis.portrait_vector import PortraitVector, portrait_means
from medsyngen.synthesis.retargeting import Floats, Retargeting
from medsyngen.synthesis.sources.phantom_simulator import PhantomSimulator
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.variation import Population

MEASURES: dict[str, Measure] = {"detail": detail, "tone": tone, "layout": layout}
"""Measures of a picture by name; ``encoder`` beside them."""
NUMBERS = {"detail": SCALES * (3 * CELLS**2 + 1), "tone": TONES, "layout": LAYOUT**2}
"""How many numbers each reads; of an encoder it is known when it is trained."""
ENCODER = "encoder"
SMALLEST_SIDE = 16
"""Detail is measured at three scales, each half the last."""


@dataclass(frozen=True)
class Portrait:
    """The method and its public numbers, all fixed before any scan is read.

    Args:
        phantom: What is drawn.
        measures: What is read off a picture: ``detail``, ``tone``, ``layout`` (:mod:`picture_measures`), ``encoder``
            (:class:`PortraitEncoder`, trained on phantoms first).
        entries: Numbers read off a picture: leading directions of phantoms.
        encoder: Training of the encoder, if it is one of the measures.
        clipping_norm: C, of one patient's vector; pictures of phantoms have numbers of length about 1.
        share_weight: What a class's share counts in it.
        retargeting: How phantoms of these means are found.
        members: Phantoms that images are drawn from.
        degree: Farthest that a parameter moves from a member's when an image is drawn, as a share of its range.
        seed: Public seed of phantoms and drawing; it never reaches the noise.
    """

    phantom: str = "chest_radiograph"
    measures: tuple[str, ...] = ("detail", "tone", "layout")
    entries: int = 40
    encoder: EncoderTraining = field(default_factory=EncoderTraining)
    clipping_norm: float = 1.2
    share_weight: float = 0.7
    retargeting: Retargeting = field(default_factory=Retargeting)
    members: int = 2000
    degree: float = 0.03
    seed: int = 0

    def __post_init__(self) -> None:
        _ = self._phantoms  # refuses an unknown phantom
        known = (*MEASURES, ENCODER)
        faults = [
            f"measures must be of {', '.join(known)}, got {name!r}" for name in self.measures if name not in known
        ]
        if not self.measures or len(set(self.measures)) != len(self.measures):
            faults.append("measures must be given, each once")
        faults += [
            f"{name} must be positive, got {getattr(self, name)}"
            for name in ("entries", "clipping_norm", "share_weight", "members")
            if not getattr(self, name) > 0
        ]
        numbers = sum(NUMBERS.get(name, 0) for name in self.measures)
        if ENCODER not in self.measures and not faults and self.entries > numbers:
            faults.append(f"entries must be at most {numbers}, what its measures read, got {self.entries}")
        if not 0 <= self.degree <= 1:
            faults.append(f"degree must be from 0 to 1, got {self.degree}")
        if faults:
            raise ValueError("; ".join(faults))

    reads_scans = True

    @property
    def _phantoms(self) -> PhantomMix:
        return PhantomMix(((self.phantom, 1.0),))

    def check_size(self, size: int) -> None:
        """Refuses a side that images can't have.

        Raises:
            UsageError: It is too small for the measures.
        """
        if size < SMALLEST_SIDE:
            raise UsageError(
                f"a portrait needs images of at least {SMALLEST_SIDE} pixels a side, got {size}",
                do="raise scans.size, or take another method",
            )

    def describe_phantoms(self) -> list[dict[str, Any]]:
        """Returns the phantom as plain JSON."""
        return self._phantoms.describe()

    def describe_queries(self, target: Target) -> list[dict[str, Any]]:
        """Returns what private scans are asked, as plain JSON for the report: public numbers only."""
        classes = len(Cells(target.conditioning).values)
        return [
            {
                "kind": "sum",
                "planned": 1,
                "classes": classes,
                "entries": classes * (1 + self.entries),
                "clipping_norm": self.clipping_norm,
                "measures": list(self.measures),
                "members": sum(Cells(target.conditioning).sizes(self.members)),
            }
        ]

    def calibrate(self, budget: Budget, patients_at_most: int) -> float:
        """Returns the noise multiplier sigma_DP with which the one sum spends at most the budget.

        Raises:
            BudgetRefused: If no noise fits.
        """
        return calibrate_noise(budget, sampling_rate=1.0, steps=1)

    def plan(self, *, patients_at_most: int, noise_multiplier: float) -> Event:
        """Returns everything that :meth:`fit` charges, known before any scan is read."""
        return sum_event(noise_multiplier)

    def fit(
        self,
        cohort: Cohort,
        target: Target,
        *,
        patients_at_most: int,
        noise_multiplier: float,
        account: RunAccount,
        keys: SecureStream,
        private_folder: Path,
        device: torch.device,
        mechanism: Mechanism | None = None,
        ranks: Ranks = ALONE,
        progress: Progress = silent,
    ) -> PopulationGenerator:
        """Takes the portrait: public phantoms and reading, the one charged sum, then phantoms of its means.

        Guarantee: that of :func:`sum_privately`; nothing else here reads the cohort. How pictures are read is fixed by
        phantoms before, and kept with the sum: a run that goes on, with another library or machine, reads its sum in
        the directions that it was taken in.

        Args:
            cohort: The private cohort.
            target: What to make.
            patients_at_most: N_max.
            noise_multiplier: sigma_DP.
            account: The run in the ledger, which has reserved :meth:`plan`.
            keys: Secret stream, new at each start.
            private_folder: ``RUN/private/``: the noised sum.
            device: Where the encoder computes.
            mechanism: Left out but in tests.
            ranks: The processes of this job; the others have nothing to do.
            progress: Told how far it is.
        """
        checkpoint = private_folder / "checkpoint.safetensors"
        kept = kept_beside_the_sum(account, checkpoint)
        bank = self.public_bank(target.side, device=device, kept=kept, progress=progress)
        vector = PortraitVector(bank.read, Cells(target.conditioning), self.share_weight)
        result = sum_privately(
            cohort,
            vector,
            entries=vector.length,
            clipping_norm=self.clipping_norm,
            patients_at_most=patients_at_most,
            noise_multiplier=noise_multiplier,
            account=account,
            keys=keys,
            checkpoint=checkpoint,
            public=bank.read.tensors,
            mechanism=mechanism,
        )
        noise = noise_multiplier * self.clipping_norm / patients_at_most
        noised = np.asarray(result.mean.numpy(), np.float64)
        population = self.rendered(noised, noise, target, bank, progress=progress)
        return self.generator(population, target, seeded=result.seeded, private=result.private)

    def public_bank(
        self,
        size: int,
        *,
        device: torch.device,
        kept: Mapping[str, Tensor] | None = None,
        progress: Progress = silent,
    ) -> PublicBank:
        """Returns public phantoms, and what is read off a picture; no scan has a part in either.

        Args:
            size: Side of the pictures.
            device: Where the encoder computes.
            kept: How pictures were read before (:attr:`Reading.tensors`); None fits it to the phantoms.
            progress: Told how far it is.

        Raises:
            UsageError: The measures read fewer numbers than are to be kept.
            VerificationFailed: What was kept is no reading by these measures.
        """
        self.check_size(size)
        rng = Streams(self.seed).numpy("portrait: phantoms")
        source = PhantomSimulator(self.phantom, size)
        places = rng.random((2 * self.retargeting.bank, len(source.source.space.parameters)))
        phantoms = source.rendered(places, np.zeros(len(places), np.int64), rng).pixels
        learned: dict[str, Tensor] = {}
        measures = {name: MEASURES[name] for name in self.measures if name != ENCODER}
        if ENCODER in self.measures:
            encoder = PortraitEncoder(self.phantom, size, self.encoder)
            learned = learned_in(kept or {}) or encoder.weights(device=device, progress=progress)
            measures[ENCODER] = encoder_measure(encoder, learned, device)
        if kept is None:
            read = replace(public_reading(measures, phantoms, self.entries), learned=learned)
        else:
            read = Reading.of(measures, kept, phantoms)
        return PublicBank(read, places, read(phantoms))

    def rendered(
        self,
        noised: Floats,
        noise: float,
        target: Target,
        bank: PublicBank,
        *,
        progress: Progress = silent,
    ) -> Population:
        """Returns the phantoms of a portrait: post-processing.

        Args:
            noised: Noised mean of the patients' vectors.
            noise: Standard deviation of the noise in each of its entries.
            target: What to make.
            bank: Public phantoms, and how pictures are read.
            progress: Told how far it is.
        """
        vector = PortraitVector(bank.read, Cells(target.conditioning), self.share_weight)
        means = portrait_means(noised, vector, noise)
        source, rng = PhantomSimulator(self.phantom, target.side), Streams(self.seed).numpy("portrait: retargeting")
        sizes = vector.cells.sizes(self.members)
        return self.retargeting(source, bank, means, sizes, rng, progress=progress)

    def serve(self, target: Target, ranks: Ranks, *, device: torch.device) -> NoReturn:
        """Waits in another process until :meth:`fit` has ended: one process sums and adds the noise, once.

        Raises:
            RankEnded: When the first process has ended.
        """
        ranks.wait_for_the_end()

    def generator(self, population: Population, target: Target, *, seeded: bool, private: bool) -> PopulationGenerator:
        """Returns the generator of these phantoms."""
        facts = PopulationFacts(
            size=target.side,
            classes=target.classes,
            shares=target.shares,
            seed=self.seed,
            degree=self.degree,
            seeded=seeded,
            private=private,
            conditions=target.conditions,
        )
        return PopulationGenerator(facts, population, PhantomSimulator(self.phantom, target.side))

    def restore(
        self, tensors: Mapping[str, Tensor], target: Target, *, seeded: bool, private: bool, device: torch.device
    ) -> PopulationGenerator:
        """Returns the generator that :meth:`PopulationGenerator.tensors` was saved of.

        Raises:
            VerificationFailed: The tensors are not those of a population.
        """
        return self.generator(from_tensors(tensors), target, seeded=seeded, private=private)
