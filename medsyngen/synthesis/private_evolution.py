"""Private Evolution (Lin et al. 2024, arXiv 2305.15560; with simulators 2025, arXiv 2502.05505), by patients.

No training: a population of synthetic images, on which the patients vote in rounds; the votes get noise, members are
chosen by them and varied. What can be shown is what the source can draw; what is learned is which of it these patients
resemble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.parallel import ALONE, Ranks
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_event, calibrate_noise
from medsyngen.privacy.events import Composed, Event, Gaussian, SelfComposed
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.vote_rounds import VoteResult, vote_privately
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, Streams
from medsyngen.synthesis.bought_shares import BOUGHT, DECLARED, buy, query_of, with_bought, with_marks
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.embedding import embedded
from medsyngen.synthesis.evolution import Evolution
from medsyngen.synthesis.evolution_checks import check_numbers
from medsyngen.synthesis.population_generator import PopulationFacts, PopulationGenerator
from medsyngen.synthesis.population_tensors import from_tensors
from medsyngen.synthesis.selection import SELECTIONS
from medsyngen.synthesis.source_phantoms import phantoms_of
from medsyngen.synthesis.sources import source_from, with_defaults
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.variation import Variation
from medsyngen.synthesis.voters import SharedVoters, Voters, end_votes, serve_votes

_ANY_SIZE = 32
"""A source is made at some size to see whether it can be made."""


@dataclass(frozen=True)
class PrivateEvolution:
    """The method and its public numbers, all fixed before any scan is read.

    Args:
        source: What makes and varies images, ``kind`` and its numbers (:data:`medsyngen.synthesis.sources.SOURCES`).
        embedding: Where distances are measured, by name (:mod:`medsyngen.synthesis.embedding`); fixed and public.
        iterations: T, rounds of votes; planned, charged and never cut short.
        degrees: How far members are varied after each round, and seen varied in it, from 1, as far as can be, to 0.
        members: Size of the population, dealt to classes by their shares.
        threshold: H in units of the noise: what does not rise above so many sigma counts for nothing.
        lookahead: k: members are judged by so many variations of them; 0 by themselves.
        selection: ``residual``, in proportion to votes, or ``rank``, the better half twice.
        neighbours: q: members that each scan votes for.
        draw: ``varied`` draws each image as a new variation of a member, ``kept`` the members as they are.
        proportions: ``recipe``, classes in the recipe's shares, or ``bought``, in shares that a noised sum tells.
        proportions_noise: sigma_DP of that sum over sigma_DP of a round of votes.
        seed: Public seed of source, selection and drawing; it never reaches the noise.
    """

    source: Mapping[str, Any] = field(
        default_factory=lambda: {"kind": "phantom-simulator", "phantom": "chest_radiograph"}
    )
    embedding: str = "pixels"
    iterations: int = 4
    degrees: tuple[float, ...] = (0.5, 0.35, 0.25, 0.15)
    members: int = 400
    threshold: float = 1.5
    lookahead: int = 0
    selection: str = "residual"
    neighbours: int = 1
    draw: str = "varied"
    proportions: str = DECLARED
    proportions_noise: float = 2.0
    seed: int = 0

    def __post_init__(self) -> None:
        check_numbers(vars(self))
        object.__setattr__(self, "source", with_defaults(self.source))
        self.images(_ANY_SIZE)  # refuses numbers that the source can't have

    reads_scans = True

    def check_size(self, size: int) -> None:
        """Refuses a side that the source can't make images of."""
        self.images(size)

    def images(self, size: int, device: torch.device | None = None) -> Variation:
        """Returns the source of images at one size; what it computes with a network it computes on the device."""
        return source_from(self.source, size, device=device)

    def describe_phantoms(self) -> list[dict[str, Any]]:
        """Returns the phantoms that the source renders, as plain JSON; none if it renders none."""
        return phantoms_of(self.images(_ANY_SIZE))

    def describe_queries(self, target: Target) -> list[dict[str, Any]]:
        """Returns what private scans are asked, as plain JSON for the report: public numbers only."""
        bought = [query_of(target, self.members)] if self.buys_proportions else []
        sizes = [self.members] if bought else Cells(target.conditioning).sizes(self.members)
        return [
            *bought,
            {
                "kind": "votes",
                "planned": self.iterations,
                "members": sum(sizes),
                "neighbours": self.neighbours,
                "threshold": self.threshold,
                "lookahead": self.lookahead,
                "selection": self.selection,
                "source": getattr(self.images(target.side), "origin", self.source["kind"]),
                "embedding": self.embedding,
            },
        ]

    @property
    def buys_proportions(self) -> bool:
        """Whether the patients are asked for the classes' proportions, too."""
        return self.proportions == BOUGHT

    def bought_events(self, noise_multiplier: float) -> tuple[Gaussian, ...]:
        """Returns what is charged before the votes; nothing if the proportions are the recipe's.

        Args:
            noise_multiplier: sigma_DP of a round of votes.
        """
        return (Gaussian(self.proportions_noise * noise_multiplier),) if self.buys_proportions else ()

    def calibrate(self, budget: Budget, patients_at_most: int) -> float:
        """Returns the noise multiplier sigma_DP of a round with which everything spends at most the budget.

        Raises:
            BudgetRefused: If no noise fits.
        """
        if not self.buys_proportions:
            return calibrate_noise(budget, sampling_rate=1.0, steps=self.iterations)
        return calibrate_event(budget, lambda z: self.plan(patients_at_most=patients_at_most, noise_multiplier=z))

    def plan(self, *, patients_at_most: int, noise_multiplier: float) -> Event:
        """Returns everything that :meth:`fit` charges, known before any scan is read."""
        votes = SelfComposed(Gaussian(noise_multiplier), self.iterations)
        return Composed((*self.bought_events(noise_multiplier), votes)) if self.buys_proportions else votes

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
        """Evolves a population: a rehearsal of the source, the cohort's features, then the charged rounds of votes.

        Guarantee: that of :func:`vote_privately`, behind that of :func:`buy` if proportions are bought; both are the
        event of :meth:`plan`, fixed before any scan is read. Beside them the cohort is read by :class:`Voters` only,
        patient by patient, before anything is charged; features stay in memory, here or in the processes that share
        the votes.

        Args:
            cohort: The private cohort.
            target: What to make.
            patients_at_most: N_max.
            noise_multiplier: sigma_DP.
            account: The run in the ledger, which has reserved :meth:`plan`.
            keys: Secret stream, new at each start.
            private_folder: ``RUN/private/``: checkpoints.
            device: Where a source with a network computes.
            mechanism: Left out but in tests.
            ranks: The processes of this job; the others are in :meth:`serve`.
            progress: Told how far it is.
        """
        result = self.evolved(
            cohort,
            target,
            patients_at_most=patients_at_most,
            noise_multiplier=noise_multiplier,
            account=account,
            keys=keys,
            checkpoint=private_folder / "checkpoint.safetensors",
            device=device,
            mechanism=mechanism,
            ranks=ranks,
            progress=progress,
        )
        return self.restore(result.state, target, seeded=result.seeded, private=result.private, device=device)

    def evolved(
        self,
        cohort: Cohort,
        target: Target,
        *,
        patients_at_most: int,
        noise_multiplier: float,
        account: RunAccount,
        keys: SecureStream,
        checkpoint: Path,
        device: torch.device,
        mechanism: Mechanism | None = None,
        ranks: Ranks = ALONE,
        progress: Progress = silent,
    ) -> VoteResult:
        """Returns the population that the patients' votes made, as tensors, and its marks.

        Guarantee: that of :meth:`fit`.

        Args:
            cohort: The private cohort.
            target: What to make.
            patients_at_most: N_max.
            noise_multiplier: sigma_DP.
            account: The run in the ledger, which has reserved these rounds.
            keys: Secret stream, new at each start.
            checkpoint: File inside ``RUN/private/``.
            device: Where neighbours are searched for, and where a source with a network computes.
            mechanism: Left out but in tests.
            ranks: The processes of this job; the others are in :meth:`serve_votes`.
            progress: Told how far it is.
        """
        evolution = Evolution(
            source=self.images(target.side, device),
            embed=partial(embedded, self.embedding),
            cells=Cells(target.conditioning),
            voters=SharedVoters.of(cohort, self._voters_in(target, device), ranks),
            members=self.members,
            degrees=self.degrees,
            threshold=self.threshold * noise_multiplier,
            select=SELECTIONS[self.selection],
            lookahead=self.lookahead,
            neighbours=self.neighbours,
            streams=Streams(self.seed),
        )
        evolution.rehearse()
        paid: Any = {"patients_at_most": patients_at_most, "account": account, "keys": keys, "mechanism": mechanism}
        bought = None
        for event in self.bought_events(noise_multiplier):
            sigma, folder = event.noise_multiplier, checkpoint.parent
            bought = buy(cohort, target, members=self.members, noise_multiplier=sigma, folder=folder, **paid)
            evolution = replace(evolution, cells=Cells(bought.target.conditioning))
        result = vote_privately(
            evolution, cohort, noise_multiplier=noise_multiplier, checkpoint=checkpoint, progress=progress, **paid
        )
        end_votes(ranks)
        return with_marks(result, bought)

    def serve(self, target: Target, ranks: Ranks, *, device: torch.device) -> NoReturn:
        """Takes part in another process's :meth:`fit`: it counts the votes and adds the noise, once.

        Raises:
            RankEnded: When the first process has ended.
        """
        self.serve_votes(target, ranks, device=device)
        ranks.wait_for_the_end()

    def serve_votes(self, target: Target, ranks: Ranks, *, device: torch.device) -> None:
        """Searches for the nearest images of this process's share of the patients, until the votes are over."""
        serve_votes(self._voters_in(target, device), ranks)

    def _voters_in(self, target: Target, device: torch.device) -> Callable[[Cohort], Voters]:
        embed = partial(embedded, self.embedding)
        return lambda cohort: Voters.of(cohort, embed, Cells(target.conditioning), device)

    def restore(
        self, tensors: Mapping[str, Tensor], target: Target, *, seeded: bool, private: bool, device: torch.device
    ) -> PopulationGenerator:
        """Returns the generator that :meth:`PopulationGenerator.tensors` was saved of.

        Raises:
            VerificationFailed: The tensors are not those of a population.
        """
        if self.buys_proportions:
            tensors, target = with_bought(tensors, target)
        facts = PopulationFacts(
            size=target.side,
            classes=target.classes,
            shares=target.shares,
            seed=self.seed,
            degree=self.degrees[-1] if self.draw == "varied" else None,
            seeded=seeded,
            private=private,
            conditions=target.conditions,
            bought=self.buys_proportions,
        )
        return PopulationGenerator(facts, from_tensors(tensors), self.images(target.side, device))
