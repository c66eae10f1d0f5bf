"""Fit: private scans and a recipe to a generator, a report and a preview, charged to the ledger."""

from __future__ import annotations

import dataclasses
import json
from contextlib import ExitStack
from pathlib import Path

import yaml

from medsyngen.cohort.identifiers import write_identifiers
from medsyngen.cohort.labels import LabelTable
from medsyngen.cohort.patient_map import PatientMap
from medsyngen.cohort.reading import Reading, read_cohort
from medsyngen.errors import InputUnusable, MedsyngenError, UsageError
from medsyngen.parallel import ALONE, RankEnded, Ranks
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.enlarging import detail_weights, enlarged
from medsyngen.pipeline.fit_outcome import FitOutcome
from medsyngen.pipeline.generator_file import save_generator, target_of, write_preview
from medsyngen.pipeline.implementation import record
from medsyngen.pipeline.other_ranks import others_needed
from medsyngen.pipeline.phantoms_only import fit_on_phantoms, refuse_what_is_about_scans
from medsyngen.pipeline.place_of_reading import place_of_reading
from medsyngen.pipeline.reports import write_report
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.run_identity import RunIdentity
from medsyngen.pipeline.site_ledger import network_notice, open_site_ledger, run_budget, site_ledger
from medsyngen.privacy.accountant import guarantee_of
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.mechanism import Mechanism
from medsyngen.privacy.patients_charged import PatientsCharged
from medsyngen.progress import Progress, silent
from medsyngen.randomness import SecureStream, secure_generator
from medsyngen.recipe import Recipe, recipe_from
from medsyngen.synthesis.sources.places import check_public, check_there
from medsyngen.synthesis.synthesizer import Generator

GO_ON = (
    "run the same command again, with as many processes as you like: it goes on where it can, "
    "and what was charged stays charged"
)


def run_recipe(
    recipe: Recipe,
    *,
    scans: Path | None = None,
    run: Path,
    labels: Path | None = None,
    patient_map: Path | None = None,
    device: str = "auto",
    progress: Progress = silent,
    keys: SecureStream | None = None,
    mechanism: Mechanism | None = None,
    ledger: Path | None = None,
    own_ledger: str | None = None,
    ranks: Ranks = ALONE,
) -> FitOutcome:
    """Trains a generator on private scans; goes on where an interrupted run stopped.

    A recipe whose every band phantoms serve reads no scan; see :func:`fit_on_phantoms`.

    Order: everything that can refuse does so before the first charge and before RUN is made: recipe, public folders
    that are private, budget, room in the ledger, scans, number of patients; then the plan is reserved; then a rehearsal
    on phantoms; then the charged training; then preview and report.

    Args:
        recipe: With patients_at_most, if scans are read.
        scans: SCANS: a folder or one ``.npz``; None only if no scan is read.
        run: RUN; made if need be.
        labels: Label file; None takes ``labels.csv`` in SCANS if it is there.
        patient_map: The hospital's word on who is who.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
        progress: Told the phase and how far it is; never a private figure but the counts of files.
        keys: Left out but in tests: a seeded stream marks the run as not for release.
        mechanism: Left out but in tests.
        ledger: The ledger of the site; None takes its usual place (:func:`site_ledger`).
        own_ledger: Why this run has a ledger of its own, in RUN; None charges the ledger of the site.
        ranks: The processes of this job, of which this is the first; the others are in :func:`help_fit`.

    Raises:
        MedsyngenError: With the exit code of its kind; see ``medsyngen/errors.py``.
    """
    if not recipe.reads_scans:
        refuse_what_is_about_scans(
            scans=scans, labels=labels, patient_map=patient_map, ledger=ledger, own_ledger=own_ledger
        )
        return fit_on_phantoms(recipe, run=run, device=device, ranks=ranks, progress=progress)
    scans = _named(scans)
    check_public(recipe.resolved()["synthesis"], {"SCANS": scans, "RUN": run})
    folder = RunFolder(run)
    folder.check_same_recipe(recipe)
    n_max, method, keys = recipe.n_max, recipe.synthesis, keys or secure_generator()
    identity = RunIdentity.load(folder) or _new_identity(recipe, ledger, own_ledger)
    if folder.finished:
        if not folder.reported:  # killed after the last file but the report
            write_report(run, ledger=ledger)
        with Ledger.open(identity.ledger_file(folder, ledger), read_only=True) as books:
            account = books.account
            spent = guarantee_of(books.events(identity.run), account.budget.delta, account.reason)
            return FitOutcome(run, already_finished=True, guarantee=spent)
    if own_ledger is not None and not own_ledger.strip():
        raise UsageError("a ledger of its own needs a reason", do='say why: --own-ledger "..."; it is printed beside ε')
    place = choose_device(ranks.device(device))
    method.check_size(recipe.scans.image_size)
    with ExitStack() as held:
        site = held.enter_context(open_site_ledger(ledger or identity.site)) if identity.site else None
        budget = run_budget(recipe.privacy.epsilon, recipe.privacy.delta, n_max, site)
        sigma = method.calibrate(budget, n_max)
        plan = method.plan(patients_at_most=n_max, noise_multiplier=sigma)
        if site is not None:
            site.check_run(identity.run, plan)
        reading = _read(recipe, scans, labels, patient_map, folder, progress)
        folder.create(recipe)
        held.enter_context(folder.lock())
        identity.claim(folder)
        record(folder, place, 1 + len(ranks.others))
        _keep_inside(folder, reading)
        detail = detail_weights(recipe, place, progress)
        books = site or held.enter_context(_own_ledger(folder, budget, n_max, own_ledger or ""))
        notices = [*network_notice(books.path), *_tell_spent_on(books, identity, reading)]
        _book_the_inspection(folder, books, identity)
        run_account = books.begin(identity.run, recipe_sha256=recipe.sha256, plan=plan, seeded=keys.seeded)
        with others_needed(ranks, do=GO_ON):
            for rank in ranks.others:
                ranks.send(rank, recipe.to_yaml().encode())
            drawn: Generator = method.fit(
                reading.cohort,
                target_of(recipe),
                patients_at_most=n_max,
                noise_multiplier=sigma,
                account=run_account,
                keys=keys,
                private_folder=folder.private,
                device=place,
                mechanism=mechanism,
                ranks=ranks,
                progress=progress,
            )
        generator = enlarged(recipe, drawn, detail, place)
        write_preview(folder, generator, progress)
        if site is not None:
            folder.copy_ledger(site)
        save_generator(folder, generator, recipe, run_account.head)
        spent = run_account.guarantee()
    write_report(run, ledger=ledger)
    return FitOutcome(
        run,
        already_finished=False,
        guarantee=spent,
        patients=len(reading.cohort),
        scans=reading.accepted,
        refusals=reading.refusals,
        notices=(*reading.notices, *notices),
    )


def _new_identity(recipe: Recipe, ledger: Path | None, own_ledger: str | None) -> RunIdentity:
    check_there(recipe.resolved()["synthesis"])
    return RunIdentity.new(None if own_ledger is not None else site_ledger(ledger))


def _named(scans: Path | None) -> Path:
    if scans is None:
        raise UsageError(
            "this recipe learns from private scans, and none are named; nothing was charged",
            do="name their folder with --scans SCANS (only with synthesis.public_bands: all none are needed)",
        )
    return scans


def help_fit(ranks: Ranks, *, device: str = "auto") -> int:
    """Takes part in the fit of the first process of this job, and returns its exit code when it has ended.

    This process gets recipe, records and weights from the first one; it reads no file and writes none, and ledger,
    keys and noise never come here.

    Args:
        ranks: The processes of this job, of which this is not the first.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, of this machine.

    Raises:
        MedsyngenError: This process can't do its part; the first one is told.
    """
    place = choose_device(ranks.device(device))
    try:
        (text,) = ranks.receive(0)
        recipe = recipe_from(yaml.safe_load(text))
        recipe.synthesis.serve(target_of(recipe), ranks, device=place)
    except RankEnded as ended:
        return ended.exit_code
    raise ValueError("rank 0 asked for more than the training")


def _read(
    recipe: Recipe, scans: Path, labels: Path | None, patient_map: Path | None, folder: RunFolder, progress: Progress
) -> Reading:
    tables = (LabelTable.read(labels) if labels else None, PatientMap.read(patient_map) if patient_map else None)
    with place_of_reading(folder):
        reading = read_cohort(
            scans,
            form=recipe.scans,
            classes=recipe.classes,
            labels=tables[0],
            patient_map=tables[1],
            public_text=recipe.to_yaml(),
            cache_folder=folder.cache_folder,
            kept=folder.index_file,
            progress=progress,
        )
        if len(reading.cohort) > recipe.n_max:
            raise InputUnusable(
                f"there are more patients than patients_at_most ({recipe.n_max}); nothing was charged",
                do="raise patients_at_most above the number of patients (`medsyngen inspect` suggests one)",
            )
    return reading


def _keep_inside(folder: RunFolder, reading: Reading) -> None:
    try:
        write_identifiers(folder.identifiers_file, reading.identifiers)
    except OSError as error:
        raise MedsyngenError(
            f"the run folder can't be written: {error.strerror}; nothing was charged just now",
            do="free disk space or mend the folder's permissions, then run the same command again",
        ) from error
    facts = {
        "inside_only": True,
        "patients": len(reading.cohort),
        "scans": reading.accepted,
        "unlabelled": reading.unlabelled,
        "notices": list(reading.notices),
        "refused": [dataclasses.asdict(refusal) for refusal in reading.refusals],
    }
    write_atomically(folder.private / "reading.json", json.dumps(facts, indent=1).encode())


def _own_ledger(folder: RunFolder, budget: Budget, patients_at_most: int, reason: str) -> Ledger:
    if folder.ledger_file.exists():
        return Ledger.open(folder.ledger_file)
    return Ledger.create(folder.ledger_file, budget=budget, patients_at_most=patients_at_most, reason=reason)


def _book_the_inspection(folder: RunFolder, books: Ledger, identity: RunIdentity) -> None:
    """Notes the look that `inspect --out RUN` was, unless it did so itself; once, when the run begins."""
    if identity.run in books.runs or not folder.preflight_file.exists():
        return
    if books.account.reason is not None or not json.loads(folder.preflight_file.read_text("utf-8")).get("look_booked"):
        books.look("inspect: what is in the scans, seen before this run began")


def _tell_spent_on(books: Ledger, identity: RunIdentity, reading: Reading) -> tuple[str, ...]:
    if identity.site is None:
        return ()
    return PatientsCharged(books.path).book(identity.run, reading.cohort)
