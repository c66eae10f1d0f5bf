"""The privacy report of a run and of a cohort: from recipe, ledger and public choices only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from medsyngen.errors import VerificationFailed
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.run_identity import RunIdentity
from medsyngen.privacy.accountant import delta_at, epsilon_spent
from medsyngen.privacy.budget import Guarantee
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.ledger_lines import Account
from medsyngen.recipe import Recipe
from medsyngen.report import (
    MechanismFacts,
    ReportFacts,
    StageFacts,
    build_report,
    render_html,
    report_json_bytes,
    report_vocabulary,
)
from medsyngen.synthesis.generator import read_generator_file
from medsyngen.version import __version__

_LEARNS = {
    "coarse": "layout, mean and field of view",
    "context": "what this anatomy looks like in these patients",
    "cleaning": "edges, texture and the modality's own noise",
}


def write_report(run: Path, *, ledger: Path | None = None) -> tuple[Path, Path]:
    """Writes RUN/report.html and RUN/report.json and returns their paths; reads no scan.

    Args:
        run: RUN, finished.
        ledger: Where the site's ledger lies now, if it was moved.

    Raises:
        UsageError: The run has not finished.
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
    """
    folder = RunFolder(run)
    with open_run_ledger(folder, ledger) as (books, identity):
        files = report_files(folder, folder.finished_recipe(), books, identity, release=None)
    paths = folder.path / "report.html", folder.path / "report.json"
    for path, data in zip(paths, (files["privacy_report.html"], files["privacy_report.json"]), strict=True):
        write_atomically(path, data, mode=0o644)
    return paths


@contextmanager
def open_run_ledger(folder: RunFolder, chosen: Path | None) -> Iterator[tuple[Ledger, RunIdentity]]:
    """Opens the ledger that a run was charged to, and checks it against every head that the run folder has seen.

    Args:
        folder: RUN.
        chosen: Where the site's ledger lies now, if it was moved.

    Raises:
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
        UsageError: No run has begun here.
    """
    folder.recipe()
    identity = RunIdentity.load(folder)
    if identity is None:
        raise VerificationFailed(
            "the run folder does not say which ledger it was charged to (private/run.json is missing)",
            do="restore the run folder with its private part",
        )
    with identity.open_ledger(folder, chosen) as books:
        for file, head in folder.heads():
            books.check_head(head, file)
        yield books, identity


def report_files(
    folder: RunFolder, recipe: Recipe, ledger: Ledger, identity: RunIdentity, release: Mapping[str, Any] | None
) -> dict[str, bytes]:
    """Returns the report as ``privacy_report.html`` and ``.json``; the HTML names the JSON's hash."""
    report = build_report(report_facts(folder, recipe, ledger, identity, release))
    data = report_json_bytes(report)
    html = render_html(report, hashlib.sha256(data).hexdigest())
    return {"privacy_report.json": data, "privacy_report.html": html}


def report_facts(
    folder: RunFolder, recipe: Recipe, ledger: Ledger, identity: RunIdentity, release: Mapping[str, Any] | None
) -> ReportFacts:
    """Collects what the report says; nothing in it was measured in a private phase."""
    _, _, marks = read_generator_file(folder.generator_file)
    account = ledger.account
    training = recipe.synthesis.private
    events = ledger.events(identity.run)
    total = {
        **dataclasses.asdict(ledger.total()),
        "epsilon_budget": account.budget.epsilon,
        "approved_by": account.approved_by,
    }
    return ReportFacts(
        recipe=recipe.resolved(),
        recipe_sha256=recipe.sha256,
        ledger_lines=ledger.lines,
        run=identity.run,
        total=total,
        ledger_head=ledger.head.hash,
        own_ledger_reason=account.reason,
        epsilon=epsilon_spent(events, account.budget.delta) if marks["private"] else math.inf,
        delta=account.budget.delta,
        epsilon_budget=recipe.privacy.epsilon,
        accountant=f"privacy loss distributions, dp-accounting {version('dp-accounting')}",
        patients_at_most=recipe.n_max,
        stages=_stages(recipe),
        phantoms=tuple(_phantom(part) for part in recipe.synthesis.mix.describe()),
        looks=len(ledger.looks),
        seeded=bool(marks["seeded"]),
        not_private=not marks["private"],
        preview_png=folder.preview_file.read_bytes() if folder.preview_file.is_file() else None,
        versions=_versions(),
        release=release,
        mechanism=MechanismFacts(
            training.clipping_norm, training.scans_per_patient, training.draws_per_scan, training.steps
        ),
        delta_at_zero=delta_at(events, 0.0) if events else None,
    )


def public_texts(recipe: Recipe, guarantee: Guarantee, account: Account) -> tuple[str, ...]:
    """Returns every text in a cohort that was known without the scans: a word of these identifies nobody."""
    phantoms = json.dumps(recipe.synthesis.mix.describe(), ensure_ascii=False)
    words = (account.reason or "", account.approved_by)
    return (recipe.to_yaml(), guarantee.sentence(), *words, phantoms, *report_vocabulary(), *_versions())


def _phantom(part: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("name", "low", "high", "unit", "source")
    return {**part, "parameters": [{key: p[key] for key in shown} for p in part["parameters"]]}


def _stages(recipe: Recipe) -> tuple[StageFacts, ...]:
    method = recipe.synthesis
    return tuple(
        StageFacts(
            band.name,
            "phantoms" if public else "private scans",
            band.low,
            band.high,
            "; ".join(_LEARNS[name] for name in band.name.split(" and ")),
        )
        for band, public in method.bands.stages(recipe.scans.size**2, method.public_bands)
    )


def _versions() -> dict[str, str]:
    packages = ("torch", "monai", "dp-accounting", "pydicom", "numpy", "cryptography")
    return {"medsyngen": __version__, "python": platform.python_version(), **{name: version(name) for name in packages}}
