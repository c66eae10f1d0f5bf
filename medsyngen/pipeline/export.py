"""Export: a finished run to a cohort. Order: draw, report, write, gate over every byte, manifest, rename."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from medsyngen.errors import VerificationFailed
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.reports import public_texts, report_files
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.budget import UNIT, Guarantee
from medsyngen.privacy.ledger import Ledger
from medsyngen.progress import Progress, silent
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import check_formats, write_draft
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
    progress: Progress = silent,
) -> ExportOutcome:
    """Draws images from a finished run and publishes them, if the gate lets them pass; reads no scan.

    Args:
        run: RUN, finished.
        out: COHORT, must not exist; it appears complete and passed, or not at all.
        count: Images, a public choice of the exporter.
        formats: ``dicom``, ``png``.
        device: Where to draw.
        progress: Told the phase.

    Raises:
        UsageError: COHORT exists, the run has not finished, a format is unknown.
        ReleaseRefused: The gate found a reason, with every reason listed.
        VerificationFailed: Ledger and generator don't belong together.
    """
    refuse_existing(out)
    formats = check_formats(formats)
    folder = RunFolder(run)
    recipe = folder.finished_recipe()
    generator, facts = load_generator(folder, recipe, choose_device(device))
    with Ledger.open(folder.ledger_file, read_only=True) as ledger:
        _check_belongs(ledger, facts["ledger_head"])
        guarantee, account, head = ledger.guarantee(), ledger.account, ledger.head
        seeded = ledger.seeded or generator.facts.seeded
    draws = generator.draw(count, progress=progress)
    classes = Counter(draws.classes)
    release = {"count": count, "formats": list(formats), "classes": {c or "unlabelled": n for c, n in classes.items()}}
    reports = report_files(folder, recipe, release=release)
    with drafting(out) as hidden:
        draft = write_draft(
            draws,
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
            public_texts=public_texts(recipe, guarantee),
            progress=progress,
        )
        publish(passed, out, ledger_head=head.hash, recipe_hash=recipe.sha256)
    return ExportOutcome(out, count, formats, guarantee)


def _check_belongs(ledger: Ledger, head: Sequence[object]) -> None:
    number, digest = head
    lines = ledger.lines
    if not isinstance(number, int) or number >= len(lines) or lines[number]["hash"] != digest:
        raise VerificationFailed(
            f"the ledger does not hold line {number} that the generator was made with",
            do="restore the ledger that belongs to this run; a shorter or other one can't vouch for it",
        )
