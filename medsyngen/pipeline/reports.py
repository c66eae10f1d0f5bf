"""The privacy report of a run and of a cohort: from recipe, ledger and public choices only."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import platform
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

from medsyngen.diffusion.bands import private_bands
from medsyngen.errors import MedsyngenError
from medsyngen.pipeline.audit_file import audit_of
from medsyngen.pipeline.generator_file import target_of
from medsyngen.pipeline.implementation import recorded
from medsyngen.pipeline.run_books import RunBooks, run_books
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.statements_file import keep_statements, statements_of
from medsyngen.privacy.accountant import delta_at
from medsyngen.privacy.checkpoint import write_atomically
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.profile import privacy_profile
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
from medsyngen.report.curves import curves
from medsyngen.report.facts import Data
from medsyngen.report.registry import registry_yaml
from medsyngen.scan import positions
from medsyngen.synthesis.generator import read_tensors
from medsyngen.version import __version__

_LEARNS = {
    "coarse": "layout, mean and field of view",
    "context": "what this anatomy looks like in these patients",
    "cleaning": "edges, texture and the modality's own noise",
}
_CONTEXT_OF_PHANTOMS = "what the phantoms look like in between"


def write_report(run: Path, *, ledger: Path | None = None, statements: Path | None = None) -> tuple[Path, Path]:
    """Writes RUN/report.html and RUN/report.json and returns their paths; reads no scan.

    Beside them lies ``registry.yaml``, a record for the OpenDP deployments registry, where there is a guarantee.

    Args:
        run: RUN, finished.
        ledger: Where the site's ledger lies now, if it was moved.
        statements: What the hospital says, as YAML; kept in RUN for this report and those of later exports.

    Raises:
        UsageError: The run has not finished, or the statements are not in order.
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
    """
    folder = RunFolder(run)
    recipe = folder.finished_recipe()
    if statements is not None:
        keep_statements(folder, statements)
    with run_books(folder, recipe, ledger) as books:
        files = report_files(folder, recipe, books, release=None)
    paths = folder.path / "report.html", folder.path / "report.json"
    for path, data in zip(paths, (files["privacy_report.html"], files["privacy_report.json"]), strict=True):
        write_atomically(path, data, mode=0o644)
    write_registry(folder, files)
    return paths


def write_registry(folder: RunFolder, files: Mapping[str, bytes]) -> None:
    """Writes ``RUN/registry.yaml`` from what :func:`report_files` returned; where nothing can be registered, none."""
    path = folder.path / "registry.yaml"
    record = registry_yaml(json.loads(files["privacy_report.json"]))
    if record is None:
        path.unlink(missing_ok=True)
    else:
        write_atomically(path, record, mode=0o644)


def keep_registry(folder: RunFolder, files: Mapping[str, bytes]) -> None:
    """Does the same after a release: a run folder that can only be read is no reason to fail, the release is out."""
    with suppress(MedsyngenError, OSError):
        write_registry(folder, files)


def report_files(
    folder: RunFolder, recipe: Recipe, books: RunBooks, release: Mapping[str, Any] | None
) -> dict[str, bytes]:
    """Returns the report as ``privacy_report.html`` and ``.json``; the HTML names the JSON's hash."""
    report = build_report(report_facts(folder, recipe, books, release))
    data = report_json_bytes(report)
    html = render_html(report, hashlib.sha256(data).hexdigest())
    return {"privacy_report.json": data, "privacy_report.html": html}


def report_facts(folder: RunFolder, recipe: Recipe, books: RunBooks, release: Mapping[str, Any] | None) -> ReportFacts:
    """Collects what the report says; nothing in it was measured in a private phase."""
    _, marks = read_tensors(folder.generator_file)
    ledger, spent = books.ledger, books.guarantee
    queries = tuple(recipe.synthesis.describe_queries(target_of(recipe)))
    return ReportFacts(
        recipe=recipe.resolved(),
        recipe_sha256=recipe.sha256,
        ledger_lines=ledger.lines if ledger else (),
        run=books.run,
        total=_total(ledger) if ledger else None,
        ledger_head=books.head.hash,
        own_ledger_reason=spent.own_ledger,
        epsilon=spent.epsilon if marks["private"] else math.inf,
        delta=spent.delta,
        epsilon_budget=recipe.privacy.epsilon,
        accountant=_accountant() if ledger else spent.accountant,
        patients_at_most=recipe.n_max if ledger else None,
        stages=_stages(recipe),
        phantoms=tuple(_phantom(part) for part in recipe.synthesis.describe_phantoms()),
        looks=len(ledger.looks) if ledger else 0,
        seeded=bool(marks["seeded"]),
        not_private=not marks["private"],
        preview_png=folder.preview_file.read_bytes() if folder.preview_file.is_file() else None,
        versions=_versions(),
        release=release,
        mechanism=_mechanism(recipe) if ledger else None,
        queries=queries,
        delta_at_zero=delta_at(books.events, 0.0) if books.events else None,
        curves=curves(privacy_profile(books.events, spent.delta), spent.delta) if ledger else None,
        statements=statements_of(folder, recipe),
        implementation=recorded(folder),
        audit=audit_of(folder, recipe.sha256),
    )


def _total(ledger: Ledger) -> dict[str, Any]:
    account = ledger.account
    return {
        **dataclasses.asdict(ledger.total()),
        "epsilon_budget": account.budget.epsilon,
        "approved_by": account.approved_by,
    }


def _accountant() -> str:
    return f"privacy loss distributions, dp-accounting {version('dp-accounting')}"


def _mechanism(recipe: Recipe) -> MechanismFacts | None:
    """Returns the public numbers of a private step; None where nothing is trained on scans."""
    if not private_bands(getattr(recipe.synthesis, "public_bands", "all")):
        return None
    training = recipe.synthesis.private
    return MechanismFacts(training.clipping_norm, training.scans_per_patient, training.draws_per_scan, training.steps)


_NAMES_THE_HOSPITAL = ("curator", "authors", "contact", "region", "container")
"""Statements whose words identify no patient. Others are prose, written after scans were read: they excuse nothing."""


def public_texts(folder: RunFolder, recipe: Recipe, books: RunBooks) -> tuple[str, ...]:
    """Returns every text in a cohort that was known without the scans: a word of these identifies nobody."""
    phantoms = json.dumps(recipe.synthesis.describe_phantoms(), ensure_ascii=False)
    stated = statements_of(folder, recipe)
    beside = (
        {name: stated[name] for name in _NAMES_THE_HOSPITAL if name in stated},
        recorded(folder),
        audit_of(folder, recipe.sha256),
    )
    said = json.dumps(beside, ensure_ascii=False)
    words = (books.guarantee.sentence(), *books.public_words, said)
    return (recipe.to_yaml(), *words, phantoms, *report_vocabulary(), *_versions())


def _phantom(part: Mapping[str, Any]) -> dict[str, Any]:
    shown = ("name", "low", "high", "unit", "source")
    return {**part, "parameters": [{key: p[key] for key in shown} for p in part["parameters"]]}


def _stages(recipe: Recipe) -> tuple[StageFacts, ...]:
    """Returns the stages of training; none where no network is trained."""
    method = recipe.synthesis
    if not hasattr(method, "bands"):
        return ()
    votes = any(query["kind"] == "votes" for query in method.describe_queries(target_of(recipe)))
    phantoms: Data = "evolved phantoms" if votes else "phantoms"
    return tuple(
        StageFacts(
            band.name,
            phantoms if public else "private scans",
            band.low,
            band.high,
            _learns(band.name, public),
        )
        for band, public in method.bands.stages(positions(recipe.scans.image_size), method.public_bands)
    )


def _learns(band: str, public: bool) -> str:
    words = {**_LEARNS, "context": _CONTEXT_OF_PHANTOMS} if public else _LEARNS
    return "; ".join(words[name] for name in band.split(" and "))


def _versions() -> dict[str, str]:
    packages = ("torch", "monai", "dp-accounting", "pydicom", "numpy", "cryptography")
    return {"medsyngen": __version__, "python": platform.python_version(), **{name: version(name) for name in packages}}
