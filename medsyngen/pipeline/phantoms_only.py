"""Fit without scans: where phantoms serve every band there is nothing private, nothing to charge, and no ledger."""

from __future__ import annotations

from pathlib import Path

from medsyngen.errors import UsageError
from medsyngen.parallel import ALONE, Ranks
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.enlarging import detail_weights, enlarged
from medsyngen.pipeline.fit_outcome import FitOutcome
from medsyngen.pipeline.generator_file import save_generator, target_of, write_preview
from medsyngen.pipeline.implementation import record
from medsyngen.pipeline.reports import write_report
from medsyngen.pipeline.run_books import check_nothing_private
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.budget import Guarantee
from medsyngen.progress import Progress, silent
from medsyngen.recipe import Recipe


def fit_on_phantoms(
    recipe: Recipe,
    *,
    run: Path,
    device: str = "auto",
    ranks: Ranks = ALONE,
    progress: Progress = silent,
) -> FitOutcome:
    """Makes a generator of phantoms alone; reads no scan, opens no ledger, charges nothing.

    Guarantee: takes neither scans nor a ledger, so ε = 0 and δ = 0. It refuses a recipe with a band that private scans
    serve, and a folder in which scans were looked at.

    Args:
        recipe: Whose every band phantoms serve.
        run: RUN; made if need be.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        ranks: The processes of this job; the others have nothing to do.
        progress: Told the phase and how far it is.

    Raises:
        MedsyngenError: With the exit code of its kind; see ``medsyngen/errors.py``.
    """
    folder = RunFolder(run)
    folder.check_same_recipe(recipe)
    check_nothing_private(folder, recipe)
    nothing = Guarantee.without_scans()
    if folder.finished:
        if not folder.reported:  # killed after the last file but the report
            write_report(run)
        return FitOutcome(run, already_finished=True, guarantee=nothing)
    place = choose_device(ranks.device(device))
    folder.create(recipe)
    with folder.lock():
        folder.check_same_recipe(recipe)  # again: another process may have been here meanwhile
        check_nothing_private(folder, recipe)
        record(folder, place, 1)
        drawn = recipe.synthesis.fit_on_phantoms(target_of(recipe), device=place, progress=progress)
        generator = enlarged(recipe, drawn, detail_weights(recipe, place, progress), place)
        write_preview(folder, generator, progress)
        save_generator(folder, generator, recipe, None)
    write_report(run)
    return FitOutcome(run, already_finished=False, guarantee=nothing)


def refuse_what_is_about_scans(**given: object) -> None:
    """Refuses what a run that reads no scan has no use for, all at once.

    Args:
        given: Parameter -> what was given for it; None means nothing.

    Raises:
        UsageError: Naming the options.
    """
    options = [f"--{name.replace('_', '-')}" for name, value in given.items() if value is not None]
    if options:
        raise UsageError(
            "phantoms serve every band of this recipe (synthesis.public_bands: all): no scan is read and nothing is "
            f"charged, so there is no use for {', '.join(options)}",
            do=f"leave out {', '.join(options)}; or set synthesis.public_bands to both, to learn from scans",
        )
