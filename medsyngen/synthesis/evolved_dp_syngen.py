"""Votes and stages together: phantoms that the patients chose teach staged diffusion, and DP-SGD does the rest.

Part of the budget evolves the parameters of a phantom by votes (Private Evolution with a simulator, arXiv 2502.05505).
The population, varied and rendered anew without end, is the training set of the public bands of DP-SynGen (arXiv
2412.09842), now with classes. The rest of the budget pays for DP-SGD in the context band, or there is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from medsyngen.cohort.cohort import Cohort
from medsyngen.diffusion.bands import private_bands
from medsyngen.diffusion.unfinished import Unfinished
from medsyngen.parallel import ALONE, Ranks
from medsyngen.phantoms.mix import PhantomMix
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import calibrate_event
from medsyngen.privacy.events import Composed, Event, Gaussian, SelfComposed
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.run_account import RunAccount
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream
from medsyngen.scan import Size, square_side
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.evolved_experts import EvolvedExperts
from medsyngen.synthesis.evolved_file import EVOLVED, UNFINISHED, VOTES, Evolved
from medsyngen.synthesis.evolved_phantoms import EvolvedPhantoms
from medsyngen.synthesis.evolved_training import EvolvedTraining
from medsyngen.synthesis.generator import StagedGenerator
from medsyngen.synthesis.population_tensors import from_tensors
from medsyngen.synthesis.private_evolution import PrivateEvolution
from medsyngen.synthesis.rehearsal import nudged
from medsyngen.synthesis.staged_diffusion import StagedDiffusion
from medsyngen.synthesis.synthesizer import Target
from medsyngen.synthesis.voters import end_votes

_EVERY = 100
"""Steps between two states of the training on evolved phantoms."""


@dataclass(frozen=True)
class EvolvedDPSynGen(StagedDiffusion):
    """The method and its public numbers, beside those of staged diffusion.

    With ``public_bands: all`` evolved phantoms serve every band: no DP-SGD, and the votes have the whole budget.

    Args:
        evolution: The votes. Their source is a ``phantom-simulator``; ``draw: varied`` varies each phantom of the
            training set from its member by the last degree, ``kept`` renders it again where its member is.
        evolved: Training on evolved phantoms.
        votes_noise: sigma_DP of the votes over sigma_DP of DP-SGD: below 1 the votes get more of the budget.
    """

    evolution: PrivateEvolution = field(default_factory=PrivateEvolution)
    evolved: EvolvedTraining = field(default_factory=EvolvedTraining)
    votes_noise: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.evolution.source["kind"] != "phantom-simulator":
            raise ValueError(
                "evolution.source must be of kind phantom-simulator: phantoms are rendered anew, which takes the "
                f"parameters that they were drawn from, got {self.evolution.source['kind']!r}"
            )
        if self.evolution.buys_proportions:
            raise ValueError("evolution.proportions must be recipe: the network learns classes in the recipe's shares")
        if not 0 < self.votes_noise < float("inf"):
            raise ValueError(f"votes_noise must be above 0, got {self.votes_noise}")

    @property
    def reads_scans(self) -> bool:
        """Whether anything is asked of private scans: always, votes at least."""
        return True

    @property
    def trains_on_scans(self) -> bool:
        """Whether DP-SGD follows the votes."""
        return bool(private_bands(self.public_bands))

    def votes_multiplier(self, noise_multiplier: float) -> float:
        """Returns sigma_DP of the votes; without DP-SGD the calibrated number is theirs alone."""
        return self.votes_noise * noise_multiplier if self.trains_on_scans else noise_multiplier

    def votes_event(self, noise_multiplier: float, rounds: int | None = None) -> Event:
        """Returns what rounds of votes do to privacy, all of them if it is not said how many."""
        return SelfComposed(
            Gaussian(self.votes_multiplier(noise_multiplier)), self.evolution.iterations if rounds is None else rounds
        )

    def plan(self, *, patients_at_most: int, noise_multiplier: float) -> Event:
        """Returns everything that :meth:`fit` charges, votes and DP-SGD, known before any scan is read."""
        votes = self.votes_event(noise_multiplier)
        if not self.trains_on_scans:
            return votes
        return Composed((votes, super().plan(patients_at_most=patients_at_most, noise_multiplier=noise_multiplier)))

    def calibrate(self, budget: Budget, patients_at_most: int) -> float:
        """Returns the noise multiplier z of DP-SGD with which votes and DP-SGD together spend at most the budget.

        Raises:
            BudgetRefused: If no noise fits.
        """
        return calibrate_event(budget, lambda z: self.plan(patients_at_most=patients_at_most, noise_multiplier=z))

    def check_size(self, size: Size) -> None:
        """Refuses a side that the network can't halve, or the phantom be drawn at."""
        super().check_size(size)
        self.evolution.check_size(square_side(size))

    def describe_phantoms(self) -> list[dict[str, Any]]:
        """Returns the phantom that evolves and those that the expert began with; both sets count alike."""
        parts = [(part["name"], part["share"]) for part in self.evolution.describe_phantoms()]
        if self.evolved.start == "phantoms":
            parts += list(self.mix.parts)
        total = sum(share for _, share in parts)
        names = dict.fromkeys(name for name, _ in parts)
        return PhantomMix(
            tuple((name, sum(share for other, share in parts if other == name) / total) for name in names)
        ).describe()

    def describe_queries(self, target: Target) -> list[dict[str, Any]]:
        """Returns what private scans are asked beside training, as plain JSON for the report: public numbers only."""
        return self.evolution.describe_queries(target)

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
    ) -> StagedGenerator:
        """Learns a generator: a rehearsal, the charged votes, training on what they chose, the charged DP-SGD.

        Guarantee: that of :func:`vote_privately` and then of :func:`train_privately`, composed; nothing else here reads
        the cohort. Population, expert and what DP-SGD begins with are post-processing of the noisy votes, and the
        whole is the event of :meth:`plan`, which fixes both parts before any scan is read. Each part charges before it
        runs and counts its own steps in the ledger, so after a kill neither is repeated nor uncounted. What lies
        between them names run, recipe and head of the ledger, and is refused by any other.

        Args:
            cohort: The private cohort.
            target: What to make.
            patients_at_most: N_max.
            noise_multiplier: z, sigma_DP of DP-SGD; that of the votes is :meth:`votes_multiplier`.
            account: The run in the ledger, which has reserved :meth:`plan`.
            keys: Secret stream, new at each start.
            private_folder: ``RUN/private/``: checkpoints, evolved phantoms, their expert.
            device: Where to compute.
            mechanism: Left out but in tests.
            ranks: The processes of this job; the others are in :meth:`serve`.
            progress: Told how far it is.

        Raises:
            VerificationFailed: What lies between the parts is not this run's, or not paid for on this ledger.
        """
        found = self._found(account, private_folder)
        if found is not None:
            end_votes(ranks)
        if found is None or not found.expert:
            first = self.evolved.first_weights(self, target, device=device, progress=progress)
            if found is None:
                self._rehearse_training(first, target, private_folder, device)
                voted = self.evolution.evolved(
                    cohort,
                    target,
                    patients_at_most=patients_at_most,
                    noise_multiplier=self.votes_multiplier(noise_multiplier),
                    account=account,
                    keys=keys,
                    checkpoint=private_folder / VOTES,
                    device=device,
                    mechanism=mechanism,
                    ranks=ranks,
                    progress=progress,
                )
                head, paid = account.head, (account.recipe_sha256, account.run)
                found = Evolved(voted.state, {}, *paid, head.n, head.hash, voted.seeded, voted.private)
                found.save(private_folder / EVOLVED)
            found = self._trained(found, first, target, private_folder, device, progress)
        experts = self.experts(found, target)
        if not self.trains_on_scans:
            facts = experts.generator_facts(target, seeded=keys.seeded or account.seeded, private=True)
            return StagedGenerator(facts, found.expert, None, device)
        return experts.fit(
            cohort,
            target,
            patients_at_most=patients_at_most,
            noise_multiplier=noise_multiplier,
            account=account,
            keys=keys,
            private_folder=private_folder,
            device=device,
            mechanism=mechanism,
            ranks=ranks,
            progress=progress,
        )

    def serve(self, target: Target, ranks: Ranks, *, device: torch.device) -> NoReturn:
        """Takes part in another process's :meth:`fit`: the search for votes and the sums of DP-SGD are shared.

        Raises:
            RankEnded: When the first process has ended.
        """
        if not self.trains_on_scans:
            self.evolution.serve(target, ranks, device=device)
        self.evolution.serve_votes(target, ranks, device=device)
        super().serve(target, ranks, device=device)

    def restore(
        self, tensors: Mapping[str, Tensor], target: Target, *, seeded: bool, private: bool, device: torch.device
    ) -> StagedGenerator:
        """Returns the generator that :meth:`StagedGenerator.tensors` was saved of; see :class:`StagedDiffusion`."""
        return self.experts(None, target).restore(tensors, target, seeded=seeded, private=private, device=device)

    def experts(self, found: Evolved | None, target: Target) -> EvolvedExperts:
        """Returns the second part of the method, on evolved phantoms and their expert if they are there."""
        numbers = {each.name: getattr(self, each.name) for each in fields(StagedDiffusion)}
        if found is None:
            return EvolvedExperts(**numbers)
        return EvolvedExperts(
            **numbers,
            expert=found.expert,
            phantoms_drawn=self.phantoms_of(found, target),
            seeded=found.seeded,
            private_votes=found.private,
        )

    def phantoms_of(self, found: Evolved, target: Target) -> EvolvedPhantoms:
        """Returns the training set that an evolved population stands for."""
        return EvolvedPhantoms(
            from_tensors(found.population),
            self.evolution.images(target.side),
            Cells(target.conditioning),
            self.evolution.degrees[-1] if self.evolution.draw == "varied" else 0.0,
            self.evolved.label_dropout,
        )

    def _found(self, account: RunAccount, folder: Path) -> Evolved | None:
        if not (folder / EVOLVED).exists():
            return None
        found = Evolved.load(folder / EVOLVED)
        found.check(account, self.evolution.iterations)
        return found

    def _rehearse_training(
        self, first: Mapping[str, Tensor], target: Target, folder: Path, device: torch.device
    ) -> None:
        """Rehearses DP-SGD before the votes are charged: what goes wrong in it must not cost them."""
        if not self.trains_on_scans:
            return
        start = self.untrained(target) if self.start == "random" else dict(first)
        if self.evolved.start == "random" and self.start == "phantoms":
            start = nudged(start, start)  # as if they had learned: untrained, some layers hide others' gradients
        self._rehearsed(start, target, folder, device)

    def _trained(
        self,
        found: Evolved,
        first: Mapping[str, Tensor],
        target: Target,
        folder: Path,
        device: torch.device,
        progress: Progress,
    ) -> Evolved:
        unfinished = Unfinished(folder / UNFINISHED, _EVERY, found.marks)
        phantoms = self.phantoms_of(found, target)
        expert = self.evolved.trained(
            phantoms, first, self, target, device=device, unfinished=unfinished, progress=progress
        )
        whole = replace(found, expert=expert)
        whole.save(folder / EVOLVED)
        unfinished.path.unlink(missing_ok=True)
        return whole
