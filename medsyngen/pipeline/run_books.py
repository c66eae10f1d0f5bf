"""What stands behind a run: the ledger that it was charged to or, if it read no scan, none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.run_identity import RunIdentity
from medsyngen.privacy.accountant import guarantee_of
from medsyngen.privacy.budget import Guarantee
from medsyngen.privacy.chain import Head
from medsyngen.privacy.events import Event
from medsyngen.privacy.ledger import Ledger
from medsyngen.recipe import Recipe
from medsyngen.synthesis.generator import read_generator_file

NO_LEDGER = Head(-1, "")
"""In place of a ledger's head, where no scan was read."""


@dataclass(frozen=True)
class RunBooks:
    """The books of one run.

    Args:
        ledger: Open, for reading; None where no scan was read.
        run: The run's name in the ledger; "" where there is none.
        guarantee: ε and δ of the run.
    """

    ledger: Ledger | None
    run: str
    guarantee: Guarantee

    @property
    def events(self) -> tuple[Event, ...]:
        """What the run was charged."""
        return self.ledger.events(self.run) if self.ledger else ()

    @property
    def head(self) -> Head:
        """Head of the ledger."""
        return self.ledger.head if self.ledger else NO_LEDGER

    @property
    def seeded(self) -> bool:
        """Whether any private draw of the run came from a seed."""
        return self.ledger is not None and self.ledger.runs[self.run].seeded

    @property
    def public_words(self) -> tuple[str, ...]:
        """What people wrote into the first line of the ledger."""
        return (self.ledger.account.reason or "", self.ledger.account.approved_by) if self.ledger else ()


@contextmanager
def run_books(folder: RunFolder, recipe: Recipe, chosen: Path | None) -> Iterator[RunBooks]:
    """Opens the books of a run.

    Guarantee: there is no ledger only if phantoms serve every band of the recipe in the folder *and* nothing in the
    folder says that a scan was ever read for it.

    Args:
        folder: RUN.
        recipe: The one in it.
        chosen: Where the site's ledger lies now, if it was moved.

    Raises:
        VerificationFailed: The ledger is gone, or lost lines that the run has seen; or the folder contradicts itself.
        UsageError: A ledger is named for a run that has none.
    """
    if recipe.reads_scans:
        with open_run_ledger(folder, chosen) as (ledger, identity):
            account = ledger.account
            spent = guarantee_of(ledger.events(identity.run), account.budget.delta, account.reason)
            yield RunBooks(ledger, identity.run, spent)
        return
    check_nothing_private(folder, recipe)
    if chosen is not None:
        raise UsageError("this run read no scan and has no ledger", do="leave out --ledger")
    yield RunBooks(None, "", Guarantee.without_scans())


@contextmanager
def open_run_ledger(folder: RunFolder, chosen: Path | None) -> Iterator[tuple[Ledger, RunIdentity]]:
    """Opens the ledger that a run was charged to, and checks it against every head that the run folder has seen.

    Args:
        folder: RUN.
        chosen: Where the site's ledger lies now, if it was moved.

    Raises:
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
        UsageError: No run has begun here, or one that has no ledger.
    """
    recipe = folder.recipe()
    identity = RunIdentity.load(folder)
    if identity is None and not recipe.reads_scans:
        raise UsageError(
            "this run read no scan: nothing was charged and it has no ledger",
            do="see its report (report.html); for the ledger of the site leave the run out",
        )
    if identity is None:
        raise VerificationFailed(
            "the run folder does not say which ledger it was charged to (private/run.json is missing)",
            do="restore the run folder with its private part",
        )
    with identity.open_ledger(folder, chosen) as books:
        for file, head in folder.heads():
            books.check_head(head, file)
        yield books, identity


def check_nothing_private(folder: RunFolder, recipe: Recipe) -> None:
    """Refuses a run folder that says it read no scan, and holds what only a look at scans leaves behind.

    Raises:
        UsageError: Naming what is there, before the run has finished.
        VerificationFailed: The same afterwards.
    """
    traces = [*folder.traces_of_scans]
    if folder.finished:
        _, context, facts = read_generator_file(folder.generator_file)
        wrong = {
            "privately trained weights": context is not None,
            "the head of a ledger": facts.get("ledger_head") is not None,
            "the mark of another recipe": facts.get("recipe_sha256") != recipe.sha256,
        }
        traces += [f"{folder.generator_file.name} with {what}" for what, there in wrong.items() if there]
    if traces:
        kind = VerificationFailed if folder.finished else UsageError
        raise kind(
            f"a run of this recipe reads no scan, but {folder.path.name} holds {', '.join(traces)}",
            do="name a run folder of its own for a recipe that reads no scan; if recipe.yaml was changed, restore it",
        )
