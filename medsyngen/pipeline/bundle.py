"""Export of the generator itself, as a MONAI bundle: report, write, gate over every byte, manifest, rename."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from medsyngen.errors import UsageError
from medsyngen.pipeline.device import choose_device
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.reports import keep_registry, public_texts, report_files
from medsyngen.pipeline.run_books import RunBooks, run_books
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.privacy.budget import UNIT, Guarantee
from medsyngen.progress import Progress, silent
from medsyngen.recipe import Recipe
from medsyngen.release.bundle_draft import read_licence, write_bundle
from medsyngen.release.bundle_texts import BundleFacts
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.export import drafting, publish, refuse_existing
from medsyngen.release.gate import ReleaseGate
from medsyngen.release.identifiers import load_identifiers
from medsyngen.release.signing import SigningKey
from medsyngen.scan import square_side
from medsyngen.synthesis.generator import StagedGenerator

FORMAT: Final = "monai-bundle"
"""What the report says that was released."""


@dataclass(frozen=True)
class BundleOutcome:
    """What was published.

    Args:
        bundle: The folder.
        guarantee: What stands behind it.
        signed: Whether its manifest is signed.
    """

    bundle: Path
    guarantee: Guarantee
    signed: bool


def export_bundle(
    run: Path,
    *,
    out: Path,
    licence: Path | None = None,
    ledger: Path | None = None,
    sign: Path | None = None,
    progress: Progress = silent,
) -> BundleOutcome:
    """Publishes the generator of a finished run, if the gate lets it pass; reads no scan.

    Guarantee: what leaves is the generator, which differential privacy protects already (whoever has it can draw as
    many images as they like), and public facts; it passes the same gate as a cohort.

    Args:
        run: RUN, finished.
        out: The bundle's folder, must not exist.
        licence: A text with the terms of use.
        ledger: Where the site's ledger lies now, if it was moved.
        sign: The SSH key that signs the manifest; None: nobody signs.
        progress: Told the phase.

    Raises:
        UsageError: The folder exists, the run has not finished, or its generator is no network.
        ReleaseRefused: The gate found a reason, with every reason listed.
        VerificationFailed: The ledger is gone, or lost lines that the run has seen.
    """
    refuse_existing(out)
    signing = SigningKey(sign) if sign is not None else None
    terms = read_licence(licence)
    folder = RunFolder(run)
    recipe = folder.finished_recipe()
    generator, _ = load_generator(folder, recipe, choose_device("cpu"))
    _ = recipe.scans.side  # refuses volumes
    if not isinstance(generator, StagedGenerator):
        raise UsageError(
            "the generator of this run is no network alone: only networks, not enlarged, can be a MONAI bundle",
            do="export images (`medsyngen export RUN --out COHORT --count N`)",
        )
    with run_books(folder, recipe, ledger) as books:
        guarantee, head = books.guarantee, books.head
        facts = _guarantee_facts(generator, books)
        release = {"count": 0, "formats": [FORMAT], "classes": {}}
        reports = report_files(folder, recipe, books, release=release)
        public = public_texts(folder, recipe, books)
    with drafting(out) as hidden:
        told = _told(generator, recipe, head)
        tensors = generator.tensors()
        draft = write_bundle(
            hidden,
            _weights(tensors, told),
            _bundle_facts(generator, recipe, guarantee, terms),
            shapes={name: tuple(tensor.shape) for name, tensor in tensors.items()},
            told=told,
            report_files=reports,
        )
        passed = ReleaseGate(recipe.privacy.epsilon, guarantee.delta).review_bundle(
            draft,
            guarantee=facts,
            identifiers=load_identifiers(folder.identifiers_file) if guarantee.scans_read else frozenset(),
            public_texts=public,
            progress=progress,
        )
        publish(passed, out, ledger_head=head, recipe_hash=recipe.sha256, signing=signing)
    keep_registry(folder, reports)
    return BundleOutcome(out, guarantee, signing is not None)


def _guarantee_facts(generator: StagedGenerator, books: RunBooks) -> GuaranteeFacts:
    guarantee = books.guarantee
    return GuaranteeFacts(
        epsilon=guarantee.epsilon,
        delta=guarantee.delta,
        unit=UNIT,
        seeded=books.seeded or generator.facts.seeded,
        not_private=not generator.facts.private,
        scans_read=guarantee.scans_read,
    )


def _told(generator: StagedGenerator, recipe: Recipe, head: tuple[int, str]) -> str:
    """Returns the JSON beside the weights: what the networks are, and where the ledger stood. All public."""
    from medsyngen.synthesis.bundle_sampler import facts_to_json

    told = {
        "generator": facts_to_json(generator.facts),
        "recipe_sha256": recipe.sha256,
        "ledger_head": list(head),
        "synthetic": True,
    }
    return json.dumps(told, sort_keys=True)


def _weights(tensors: dict[str, Any], told: str) -> bytes:
    from safetensors.torch import save

    return save({name: tensor.float().contiguous() for name, tensor in tensors.items()}, metadata={"medsyngen": told})


def _bundle_facts(generator: StagedGenerator, recipe: Recipe, guarantee: Guarantee, licence: str) -> BundleFacts:
    known = generator.facts.conditioning
    return BundleFacts(
        name=recipe.name,
        size=square_side(generator.facts.size),
        form=recipe.release,
        guarantee=guarantee.sentence(),
        epsilon=guarantee.epsilon,
        delta=guarantee.delta,
        attributes=dict(zip(known.names, known.values, strict=True)),
        versions={name: version(name) for name in ("monai", "torch", "numpy")},
        scans_read=guarantee.scans_read,
        licence=licence,
    )
