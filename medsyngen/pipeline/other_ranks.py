"""When another process of the job fails, this one ends with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from medsyngen.errors import MedsyngenError
from medsyngen.parallel import RankEnded, Ranks


@contextmanager
def others_needed(ranks: Ranks, *, do: str) -> Iterator[None]:
    """Ends this process with the reason, and the exit code, of another one that failed.

    Args:
        ranks: The processes of this job.
        do: What to do if the other one does not say it.

    Raises:
        MedsyngenError: Another process failed.
    """
    try:
        yield
    except RankEnded as ended:
        failure = MedsyngenError(
            f"process {ended.rank + 1} of {ranks.count} failed: {ended.what}", do=ended.do or do, details=ended.details
        )
        failure.exit_code = ended.exit_code
        raise failure from None
