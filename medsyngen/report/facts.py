"""What a report is made from: the recipe, the ledger, and public choices. No figure measured in a private phase."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Data = Literal["phantoms", "evolved phantoms", "private scans"]
"""What a stage learns from; evolved phantoms were chosen by votes of the patients, which are in the ledger."""


@dataclass(frozen=True)
class StageFacts:
    """One stage of training.

    Args:
        name: For instance "coarse", "context", "cleaning".
        data: What the stage learned from.
        sigma_low: Lowest noise level of the diffusion that the stage trains, >= 0.
        sigma_high: Highest noise level; infinity where the band is open.
        learns: What the stage learns, in a few words.
    """

    name: str
    data: Data
    sigma_low: float
    sigma_high: float
    learns: str


@dataclass(frozen=True)
class MechanismFacts:
    """The public numbers of a private step that the events don't carry.

    Args:
        clipping_norm: C, the largest L2 norm of one patient's gradient.
        scans_per_patient: m, the most scans of a patient that a step reads.
        draws_per_scan: K, the noise draws of the diffusion for each of them.
        planned_steps: T, the steps that the recipe plans.
    """

    clipping_norm: float
    scans_per_patient: int
    draws_per_scan: int
    planned_steps: int


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report says follows from these.

    Args:
        recipe: The resolved recipe, plain JSON.
        recipe_sha256: Lower-case hexadecimal.
        ledger_lines: Exactly as stored (``privacy/ledger_lines.py``), in order; their hashes are computed again.
        run: The run's name in the ledger; "" where there is none.
        total: What all runs of the ledger spent: runs, in_advance, by_filter, order, admits_more, epsilon_budget and
            approved_by (see ``medsyngen.privacy.admission.LedgerTotal``); None where no ledger exists.
        ledger_head: Hash of the ledger's last line; "" where no scan was read and no ledger exists.
        own_ledger_reason: The stated reason for a ledger of this run alone; None for the ledger of the site.
        epsilon: Computed by the caller from the run's events; infinity where no guarantee holds.
        delta: The ledger's δ; 0 where none exists.
        epsilon_budget: What the recipe allows this run.
        accountant: Name and version of what computed ``epsilon``.
        patients_at_most: N_max, the public upper bound; None where no scan was read.
        stages: In the order of training.
        phantoms: Each with name, share, version, parameters [{name, low, high, unit, source}].
        looks: Uncharged looks at private results before this report.
        seeded: Whether any noise came from a seed.
        not_private: Whether clipping or noise was off.
        preview_png: Synthetic images, as PNG bytes.
        versions: Software and its version.
        release: The exporter's public choices: count, formats, classes (name -> images); None for the run's own report.
        mechanism: Public numbers of the private step; None where there was none.
        epsilon_after: ε after each ledger line, one per line, or empty.
        queries: What private scans were asked beside training, or in place of it: plain JSON with its ``kind``, such as
            votes; see :mod:`medsyngen.report.query_sentences`.
        delta_at_zero: δ at ε = 0 of the composed mechanism (its total variation distance), if computed.
        curves: From :func:`medsyngen.report.curves.curves`, if computed.
        statements: What the hospital said: field -> words (``medsyngen.release.statements``).
        implementation: Code, machines and floating point of the run, if recorded.
        audit: What an audit of this recipe found, on made-up patients; None where none was made.
    """

    recipe: Mapping[str, Any]
    recipe_sha256: str
    ledger_lines: tuple[Mapping[str, Any], ...]
    run: str
    total: Mapping[str, Any] | None
    ledger_head: str
    own_ledger_reason: str | None
    epsilon: float
    delta: float
    epsilon_budget: float
    accountant: str
    patients_at_most: int | None
    stages: tuple[StageFacts, ...]
    phantoms: tuple[Mapping[str, Any], ...]
    looks: int
    seeded: bool
    not_private: bool
    preview_png: bytes | None = field(repr=False)
    versions: Mapping[str, str]
    release: Mapping[str, Any] | None
    mechanism: MechanismFacts | None = None
    epsilon_after: tuple[float, ...] = ()
    delta_at_zero: float | None = None
    queries: tuple[Mapping[str, Any], ...] = ()
    curves: Mapping[str, Any] | None = None
    statements: Mapping[str, Any] = field(default_factory=dict)
    implementation: Mapping[str, Any] | None = None
    audit: Mapping[str, Any] | None = None
