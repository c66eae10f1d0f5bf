"""Class proportions bought of the patients, in place of the recipe's: one noised sum of what classes each is of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from medsyngen.cohort.cohort import Cohort, PatientRecord
from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.one_sum import sum_privately
from medsyngen.privacy.purposes import PROPORTIONS
from medsyngen.privacy.run_account import RunAccount
from medsyngen.privacy.vote_rounds import VoteResult
from medsyngen.randomness import SecureStream
from medsyngen.synthesis.cells import Cells
from medsyngen.synthesis.synthesizer import Target

DECLARED, BOUGHT = "recipe", "bought"
SHARES = "shares"
"""Among the tensors of a generator."""
BOUGHT_FILE = "proportions.safetensors"
"""In ``RUN/private/``: the noised sum."""


@dataclass(frozen=True)
class ClassVector:
    """A patient's share of scans of each class: none negative, in all 1, so its length is at most 1.

    Guarantee: a function of one patient's record; draws nothing, and its length is the same for every record.

    Args:
        cells: Classes; a scan of unknown class counts for all by their public shares.
    """

    cells: Cells

    def __call__(self, record: PatientRecord) -> Tensor:
        """Returns float64 (classes,)."""
        return torch.from_numpy(self.cells.parts_in(record.classes).sum(axis=0))


@dataclass(frozen=True)
class Bought:
    """What is to be made, in the bought proportions, and the marks of the sum that they come from."""

    target: Target
    seeded: bool
    private: bool


def query_of(target: Target, members: int) -> dict[str, Any]:
    """Returns what the scans are asked, as plain JSON for the report: public numbers only.

    Raises:
        UsageError: The target has no proportions, or the population is too small for them.
    """
    if target.conditions or len(target.classes) < 2:
        raise UsageError(
            "synthesis.proportions: bought needs two classes or more; conditions have the proportions of the recipe",
            do="declare classes, or set synthesis.proportions to recipe; nothing was charged",
        )
    if members < 2 * len(target.classes):
        raise UsageError(
            f"a population of {members} is too small for {len(target.classes)} classes in bought proportions",
            do=f"raise synthesis.members to {2 * len(target.classes)} or more; nothing was charged",
        )
    return {"kind": "shares", "planned": 1, "classes": len(target.classes)}


def buy(
    cohort: Cohort,
    target: Target,
    *,
    members: int,
    patients_at_most: int,
    noise_multiplier: float,
    account: RunAccount,
    keys: SecureStream,
    folder: Path,
    mechanism: Mechanism | None = None,
) -> Bought:
    """Returns the target in proportions that one noised sum over the patients tells.

    Guarantee: that of :func:`sum_privately` for one sum of vectors of norm at most 1, whatever the classes of a
    patient's scans; everything else here is post-processing. Names and number of the classes are the recipe's.

    Args:
        cohort: The private cohort.
        target: With the recipe's shares, which stand where nothing is known.
        members: Of the population: no class gets less than one member's share.
        patients_at_most: N_max, public.
        noise_multiplier: sigma_DP of this sum.
        account: The run in the ledger, which has reserved this event.
        keys: Secret stream, new at each start.
        folder: ``RUN/private/``.
        mechanism: Left out but in tests.
    """
    query_of(target, members)
    cells = Cells(target.conditioning)
    result = sum_privately(
        cohort,
        ClassVector(cells),
        entries=len(target.classes),
        clipping_norm=1.0,
        patients_at_most=patients_at_most,
        noise_multiplier=noise_multiplier,
        account=account,
        keys=keys,
        checkpoint=folder / BOUGHT_FILE,
        purpose=PROPORTIONS,
        mechanism=mechanism,
    )
    shares = shares_of(np.asarray(result.mean.numpy(), np.float64), cells.shares, members)
    return Bought(replace(target, shares=tuple(shares.tolist())), result.seeded, result.private)


def shares_of(noised: NDArray[np.float64], declared: NDArray[np.float64], members: int) -> NDArray[np.float64]:
    """Returns shares that add up to 1, of which none is below one member's; post-processing.

    What noise made negative counts as 0. If all are, the declared shares stand.

    Args:
        noised: Noised sum or mean of :class:`ClassVector`, (classes,).
        declared: The recipe's shares.
        members: Of the population, at least two a class.
    """
    positive = np.maximum(noised, 0)
    found = positive / positive.sum() if positive.sum() > 0 else declared
    least = (1 + 1e-9) / members  # one member, whatever the rounding
    return np.asarray(least + (1 - len(found) * least) * found)


def with_marks(votes: VoteResult, bought: Bought | None) -> VoteResult:
    """Returns what votes made together with the shares that they were held in; marks of either stay."""
    if bought is None:
        return votes
    marks = {"seeded": votes.seeded or bought.seeded, "private": votes.private and bought.private}
    shares = torch.tensor(bought.target.shares, dtype=torch.float64)
    return replace(votes, state={**votes.state, SHARES: shares}, **marks)


def with_bought(tensors: Mapping[str, Tensor], target: Target) -> tuple[Mapping[str, Tensor], Target]:
    """Returns the other tensors of a generator, and the target in the shares among them.

    Raises:
        VerificationFailed: There are none, or they are no shares of these classes.
    """
    shares: Any = tensors[SHARES].tolist() if SHARES in tensors else []
    if len(shares) != len(target.classes) or not min(shares, default=0) > 0 or abs(sum(shares) - 1) > 1e-6:
        raise VerificationFailed(
            "the file does not hold the class proportions that its recipe bought",
            do="restore it, or fit again in a new run folder; what was charged stays charged",
        )
    rest = {name: value for name, value in tensors.items() if name != SHARES}
    return rest, replace(target, shares=tuple(shares))
