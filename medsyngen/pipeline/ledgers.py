"""The ledger behind a run folder, a cohort or a path, checked against every head that is met on the way."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.pipeline.run_books import NO_LEDGER, open_run_ledger
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.run_identity import RunIdentity
from medsyngen.pipeline.site_ledger import site_ledger
from medsyngen.privacy.budget import Budget, checked_delta
from medsyngen.privacy.chain import Head
from medsyngen.privacy.ledger import Ledger


@contextmanager
def find_ledger(place: Path | None, chosen: Path | None = None) -> Iterator[Ledger]:
    """Opens the ledger that a place belongs to, for reading.

    Args:
        place: A run folder, a cohort, a ledger file, or None for the ledger of the site.
        chosen: Where the site's ledger lies, if it isn't in its usual place.

    Raises:
        VerificationFailed: It is shorter than, or unlike, a head that the run or the cohort names; with the line.
        UsageError: There is no ledger.
    """
    if place is not None and place.is_dir() and not (place / "manifest.json").is_file():
        with open_run_ledger(RunFolder(place), chosen) as (books, _):
            yield books
        return
    file = place if place is not None and place.is_file() else site_ledger(chosen)
    if place is not None and not place.exists():
        raise UsageError(f"there is no {place.name} here", do="name a run folder, a cohort or a ledger file")
    head = _head_of_cohort(place) if place is not None and place.is_dir() else None
    with Ledger.open(file, read_only=True) as books:
        if head is not None:
            books.check_head(head, "the manifest of this cohort")
        yield books


def _head_of_cohort(cohort: Path) -> Head:
    try:
        manifest = json.loads((cohort / "manifest.json").read_text("utf-8"))
        head, scans_read = manifest["ledger_head"], manifest["guarantee"].get("scans_read", True)
        found = Head(head["line"], head["hash"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationFailed(
            "the manifest of this cohort does not name the head of a ledger", do="ask for the untouched cohort"
        ) from error
    if scans_read is False and found == NO_LEDGER:
        raise UsageError(
            "no scan was read for this cohort: nothing was charged and it has no ledger",
            do="see its privacy_report.html; for the ledger of the site leave the cohort out",
        )
    return found


def create_site_ledger(
    path: Path, *, epsilon: float, delta: float | None, patients_at_most: int, approved_by: str
) -> Ledger:
    """Makes the ledger of a site: once, with what its patients may be spent on in all.

    Args:
        path: Where; its folder is made if need be, for its owner only.
        epsilon: ε for everything ever released of these patients.
        delta: The one δ; None means min(1e-5, 1/(100·N_max)).
        patients_at_most: N_max of the site.
        approved_by: Who allowed it.

    Raises:
        UsageError: It exists already, or nobody approved it.
        BudgetRefused: δ is too large for that many patients.
    """
    if not approved_by.strip():
        raise UsageError("nobody approved this budget", do="name who did: --approved-by NAME")
    try:
        budget = Budget(epsilon, checked_delta(delta, patients_at_most))
    except ValueError as error:
        raise UsageError(f"the budget can't be used: {error}", do="give a positive ε") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise UsageError(
            f"the ledger's folder can't be made: {error.strerror}", do="name another place with --ledger"
        ) from error
    return Ledger.create(
        path, budget=budget, patients_at_most=patients_at_most, reason=None, approved_by=approved_by.strip()
    )


def close_run(place: str, chosen: Path | None = None) -> str:
    """Gives back what an abandoned run holds, and returns the run's name.

    Args:
        place: The run folder, or the run's name as the ledger shows it.
        chosen: Where the site's ledger lies, if it isn't in its usual place.

    Raises:
        UsageError: There is no such run, or it is closed already.
    """
    folder = RunFolder(Path(place))
    identity = RunIdentity.load(folder) if folder.path.is_dir() else None
    if identity is not None:
        path = identity.ledger_file(folder, chosen)
        with folder.lock(), Ledger.open(path) as books:
            books.close_run(identity.run, "the run was given up; what it had not charged is free again")
        return identity.run
    with Ledger.open(site_ledger(chosen)) as books:
        names = [name for name in books.runs if place and name.startswith(place)]
        name = names[0] if len(names) == 1 else place
        books.close_run(name, "the run was given up; what it had not charged is free again")
    return name
