"""Export: a finished run to a cohort. Order: report, draw and write, gate over every byte, manifest, rename.

The report holds nothing of the images: their number and classes are dealt before any is drawn. So its bytes come first,
and pictures are written while others are still being drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.reports import open_run_ledger, public_texts, report_files
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.accountant import guarantee_of
from medsyngen.privacy.budget import UNIT, Guarantee
from medsyngen.progress import Progress, silent
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import check_count, check_formats, write_draft
from medsyngen.release.export import drafting, publish, refuse_existing
from medsyngen.release.gate import ReleaseGate
from medsyngen.release.identifiers import load_identifiers


@dataclass(frozen=True)
class ExportOutcome:
    """What was published.

    Args:
        cohort: The cohort folder.
        count: Images in it.
        formats: As written.
        guarantee: What stands behind it.
    """

    cohort: Path
    count: int
    formats: tuple[str, ...]
    guarantee: Guarantee


def export_cohort(
    run: Path,
    *,
    out: Path,
    count: int,
    formats: Sequence[str] = ("dicom", "png"),
    device: str = "auto",
    ledger: Path | None = None,
    progress: Progress = silent,
) -> ExportOutcome:
    """Draws images from a finished run and publishes them, if the gate lets them pass; reads no scan.

    Args:
        run: RUN, finished.
        out: COHORT, must not exist; it appears complete and passed, or not at all.
        count: Images, a public choice of the exporter.
        formats: ``dicom``, ``png``.
        device: Where to draw.
        ledger: Where the site's ledger lies now, if it was moved.
        progress: Told the phase.

    Raises:
        UsageError: COHORT exists, the run has not finished, a format is unknown, or so many can't be numbered.
        ReleaseRefused: The gate found a reason, with every reason listed.
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
    """
    refuse_existing(out)
    formats = check_formats(formats)
    check_count(count)
    folder = RunFolder(run)
    recipe = folder.finished_recipe()
    generator, _ = load_generator(folder, recipe, choose_device(device))
    with open_run_ledger(folder, ledger) as (books, identity):
        account, head = books.account, books.head
        guarantee = guarantee_of(books.events(identity.run), account.budget.delta, account.reason)
        seeded = books.runs[identity.run].seeded or generator.facts.seeded
        told = {name or "unlabelled": n for name, n in Counter(generator.dealt(count)).items()}
        release = {"count": count, "formats": list(formats), "classes": told}
        reports = report_files(folder, recipe, books, identity, release=release)
    with drafting(out) as hidden:
        draft = write_draft(
            generator.batches(count, progress=progress),
            recipe.release,
            formats=formats,
            guarantee=guarantee.sentence(),
            report_files=reports,
            folder=hidden,
            progress=progress,
        )
        passed = ReleaseGate(recipe.privacy.epsilon, account.budget.delta).review(
            draft,
            guarantee=GuaranteeFacts(
                epsilon=guarantee.epsilon,
                delta=guarantee.delta,
                unit=UNIT,
                seeded=seeded,
                not_private=not generator.facts.private,
            ),
            identifiers=load_identifiers(folder.identifiers_file),
            public_texts=public_texts(recipe, guarantee, account),
            progress=progress,
        )
        publish(passed, out, ledger_head=head, recipe_hash=recipe.sha256)
    return ExportOutcome(out, count, formats, guarantee)
