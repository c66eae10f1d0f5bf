"""Export: a finished run to a cohort. Order: report, draw and write, gate over every byte, manifest, rename.

The report holds nothing of the images: their number and classes are dealt before any is drawn. So its bytes come first,
and pictures are written while others are still being drawn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from medsyngen.parallel import ALONE, RankEnded, Ranks
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.enlarging import restored
from medsyngen.pipeline.export_preview import FirstImages, write_export_preview
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.other_ranks import others_needed
from medsyngen.pipeline.reports import keep_registry, public_texts, report_files
from medsyngen.pipeline.run_books import run_books
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.budget import UNIT, Guarantee
from medsyngen.progress import Progress, silent
from medsyngen.recipe import recipe_from
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import check_count, check_formats, write_draft
from medsyngen.release.export import drafting, publish, refuse_existing
from medsyngen.release.fitting import check_modality
from medsyngen.release.gate import ReleaseGate
from medsyngen.release.identifiers import load_identifiers
from medsyngen.release.signing import SigningKey
from medsyngen.synthesis.shared_drawing import draw_shares, drawn_by_all, receive_tensors, send_tensors
from medsyngen.synthesis.synthesizer import Generator


@dataclass(frozen=True)
class ExportOutcome:
    """What was published.

    Args:
        cohort: The cohort folder.
        count: Images in it.
        formats: As written.
        guarantee: What stands behind it.
        signed: Whether its manifest is signed.
    """

    cohort: Path
    count: int
    formats: tuple[str, ...]
    guarantee: Guarantee
    signed: bool = False


def export_cohort(
    run: Path,
    *,
    out: Path,
    count: int,
    formats: Sequence[str] = ("dicom", "png"),
    device: str = "auto",
    ledger: Path | None = None,
    sign: Path | None = None,
    ranks: Ranks = ALONE,
    progress: Progress = silent,
) -> ExportOutcome:
    """Draws images from a finished run and publishes them, if the gate lets them pass; reads no scan.

    Args:
        run: RUN, finished.
        out: COHORT, must not exist; it appears complete and passed, or not at all.
        count: Images, a public choice of the exporter.
        formats: ``dicom``, ``nifti``, ``bids``, ``png``, ``npz``.
        device: Where to draw.
        ledger: Where the site's ledger lies now, if it was moved.
        sign: The SSH key that signs the manifest; None: nobody signs.
        ranks: The processes of this job, of which this is the first; the others are in :func:`help_export`.
        progress: Told the phase.

    Raises:
        UsageError: COHORT exists, the run has not finished, a format is unknown, so many can't be numbered, or the key
            can't sign.
        ReleaseRefused: The gate found a reason, with every reason listed.
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
    """
    refuse_existing(out)
    formats = check_formats(formats)
    check_count(count)
    signing = SigningKey(sign) if sign is not None else None
    folder = RunFolder(run)
    recipe = folder.finished_recipe()
    check_modality(recipe.release, formats)
    generator, _ = load_generator(folder, recipe, choose_device(ranks.device(device)))
    with run_books(folder, recipe, ledger) as books:
        guarantee, head = books.guarantee, books.head
        seeded = books.seeded or generator.facts.seeded
        release = {"count": count, "formats": list(formats), "classes": _told(generator, count)}
        reports = report_files(folder, recipe, books, release=release)
        public = public_texts(folder, recipe, books)
    with drafting(out) as hidden, others_needed(ranks, do="run the same command again; nothing was written"):
        for rank in ranks.others:
            ranks.send(rank, recipe.to_yaml().encode())
        send_tensors(ranks, generator.tensors())
        first = FirstImages()
        draft = write_draft(
            first.watch(drawn_by_all(generator, count, ranks, progress=progress)),
            recipe.release,
            formats=formats,
            guarantee=guarantee.sentence(),
            report_files=reports,
            folder=hidden,
            attributes=recipe.conditions,
            classes=tuple(each.name for each in recipe.classes),
            scans_read=guarantee.scans_read,
            labels=recipe.scans.label_maps.values if recipe.scans.label_maps else 0,
            progress=progress,
        )
        passed = ReleaseGate(recipe.privacy.epsilon, guarantee.delta).review(
            draft,
            guarantee=GuaranteeFacts(
                epsilon=guarantee.epsilon,
                delta=guarantee.delta,
                unit=UNIT,
                seeded=seeded,
                not_private=not generator.facts.private,
                scans_read=guarantee.scans_read,
            ),
            identifiers=load_identifiers(folder.identifiers_file) if guarantee.scans_read else frozenset(),
            public_texts=public,
            progress=progress,
        )
        publish(passed, out, ledger_head=head, recipe_hash=recipe.sha256, signing=signing)
    write_export_preview(folder, first, count)
    keep_registry(folder, reports)
    return ExportOutcome(out, count, formats, guarantee, signed=signing is not None)


def _told(generator: Generator, count: int) -> dict[str, int]:
    """Returns how many images have each class, or each value of each declared attribute."""
    declared = bool(generator.facts.conditions)
    return {
        f"{attribute}: {name or 'unlabelled'}" if declared else name or "unlabelled": images
        for attribute, values in generator.dealt(count).items()
        for name, images in Counter(values).items()
    }


def help_export(ranks: Ranks, *, device: str = "auto") -> int:
    """Draws some of the images of the first process's export, and returns its exit code when it has ended.

    Guarantee: this process gets the generator, which is a release of differential privacy, and public numbers.

    Args:
        ranks: The processes of this job, of which this is not the first.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``, of this machine.
    """
    place = choose_device(ranks.device(device))
    try:
        (text,) = ranks.receive(0)
        recipe = recipe_from(yaml.safe_load(text))
        tensors = receive_tensors(ranks)
        draw_shares(restored(recipe, tensors, seeded=False, private=False, device=place), ranks)
        ranks.receive(0)  # writing and gate
    except RankEnded as ended:
        return ended.exit_code
    raise ValueError("rank 0 asked for more than the images")
