"""Which ledger a run charges: the site's, or one of its own that must be asked for with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

from medsyngen.errors import BudgetRefused
from medsyngen.privacy.budget import Budget, checked_delta, shown
from medsyngen.privacy.ledger import Ledger

VARIABLE = "MEDSYNGEN_LEDGER"
_NETWORK = ("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "glusterfs", "fuse.sshfs", "gfs", "ocfs", "beegfs")


def site_ledger(chosen: Path | None = None) -> Path:
    """Returns where the site's ledger lies: as chosen, else ``$MEDSYNGEN_LEDGER``, else the user's data folder."""
    if chosen is not None:
        return chosen
    if os.environ.get(VARIABLE):
        return Path(os.environ[VARIABLE])
    return Path(platformdirs.user_data_dir("medsyngen", appauthor=False)) / "ledger.jsonl"


def network_file_system(path: Path, mounts: str | None = None) -> str | None:
    """Returns the kind of network file system that a path lies on, or None; locks may not hold there.

    Args:
        path: Need not exist.
        mounts: The text of ``/proc/self/mounts``; None reads it (where there is none, nothing is known).
    """
    if mounts is None:
        table = Path("/proc/self/mounts")
        mounts = table.read_text("utf-8", "replace") if table.is_file() else ""
    place = str(path.resolve())
    best, found = -1, None
    for row in mounts.splitlines():
        fields = row.split(" ")
        if len(fields) < 3:
            continue
        point, kind = fields[1].replace("\\040", " ").rstrip("/"), fields[2]
        if (place == point or place.startswith(f"{point}/")) and len(point) > best:
            best, found = len(point), kind if kind.startswith(_NETWORK) else None
    return found


def open_site_ledger(path: Path) -> Ledger:
    """Opens the ledger of the site.

    Raises:
        BudgetRefused: There is none yet: a person has to approve a budget first.
        VerificationFailed: It was damaged.
    """
    if not path.is_file():
        raise BudgetRefused(
            "this site has no ledger yet: nobody has approved what may be spent on its patients",
            do="make it once with `medsyngen ledger create --epsilon E --patients-at-most N --approved-by NAME`; or, "
            'for a trial apart, give this run a ledger of its own with --own-ledger "reason"; nothing was charged',
        )
    return Ledger.open(path)


def run_budget(epsilon: float, delta: float | None, patients_at_most: int, ledger: Ledger | None) -> Budget:
    """Returns what one run may spend: the recipe's ε at the δ of the ledger.

    Args:
        epsilon: The recipe's.
        delta: The recipe's, or None.
        patients_at_most: The recipe's N_max.
        ledger: The ledger of the site, or None for a run's own.

    Raises:
        BudgetRefused: The recipe wants another δ, or more patients, than the ledger was made for.
    """
    if ledger is None:
        return Budget(epsilon, checked_delta(delta, patients_at_most))
    account = ledger.account
    if delta is not None and delta != account.budget.delta:
        raise BudgetRefused(
            f"the recipe asks for δ = {shown(delta)}, but the ledger counts at δ = {shown(account.budget.delta)}",
            do="leave delta out of the recipe: it belongs to the ledger; nothing was charged",
        )
    if patients_at_most > account.patients_at_most:
        raise BudgetRefused(
            f"the recipe allows up to {patients_at_most} patients, but the ledger was made for at most "
            f"{account.patients_at_most}",
            do="lower patients_at_most, or have a ledger approved for more patients; nothing was charged",
        )
    return Budget(epsilon, account.budget.delta)


def network_notice(path: Path) -> tuple[str, ...]:
    """Returns a warning where the ledger lies on a network file system, else nothing."""
    kind = network_file_system(path)
    if kind is None:
        return ()
    return (
        f"the ledger lies on a network file system ({kind}), where locks and flushed writes may not hold: keep it on a "
        f"local disk (${VARIABLE} or --ledger)",
    )
