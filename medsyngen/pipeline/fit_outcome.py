"""What a fit did, for whoever started it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from medsyngen.cohort.scan_index import Refusal
from medsyngen.privacy.budget import Guarantee


@dataclass(frozen=True)
class FitOutcome:
    """What fit did; the counts are private and for the terminal only.

    Args:
        run: The run folder.
        already_finished: Nothing was done or charged, because it had been done.
        guarantee: What was spent.
        patients: In the cohort.
        scans: In the cohort.
        refusals: Scans left out, with reasons.
        notices: Further things that the data team should know.
    """

    run: Path
    already_finished: bool
    guarantee: Guarantee
    patients: int = field(default=0, repr=False)
    scans: int = field(default=0, repr=False)
    refusals: tuple[Refusal, ...] = ()
    notices: tuple[str, ...] = ()
