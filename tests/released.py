"""A small cohort that was really released: a real ledger of two runs, a real report, the gate, a signature."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import subprocess
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np
from safetensors.torch import save

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.privacy.accountant import delta_at, guarantee_of
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.calibration import sampled_gaussian
from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.ledger import Ledger
from medsyngen.privacy.profile import privacy_profile
from medsyngen.privacy.purposes import TRAINING
from medsyngen.recipe import load_recipe
from medsyngen.release.bundle_draft import write_bundle
from medsyngen.release.bundle_texts import BundleFacts
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.draft import write_draft
from medsyngen.release.export import drafting, publish
from medsyngen.release.form import ReleaseForm
from medsyngen.release.gate import ReleaseGate
from medsyngen.release.signing import SigningKey
from medsyngen.report import MechanismFacts, ReportFacts, StageFacts, build_report, render_html, report_json_bytes
from medsyngen.report.curves import curves
from medsyngen.synthesis.bundle_sampler import facts_to_json
from medsyngen.synthesis.generator import GeneratorFacts, StagedGenerator
from medsyngen.synthesis.synthesizer import Draws

COUNT = 4
RUN = "0123456789abcdef"
Q, SIGMA, STEPS = 0.25, 1.5, 4


def charged_ledger(path, recipe):
    """A ledger in which this run was charged, after another one, and with a look."""
    ledger = Ledger.create(path, budget=Budget(30.0, 1e-5), patients_at_most=100, reason=None, approved_by="DPO")
    other = ledger.begin("fedcba9876543210", recipe_sha256="ab" * 32, plan=Gaussian(5.0), seeded=False)
    other.charge(Gaussian(5.0), purpose="votes", block=(0, 1))
    ledger.look("evaluate")
    run = ledger.begin(RUN, recipe_sha256=recipe.sha256, plan=sampled_gaussian(Q, SIGMA, STEPS), seeded=False)
    for first in range(0, STEPS, 2):
        run.charge(sampled_gaussian(Q, SIGMA, 2), purpose=TRAINING, block=(first, first + 2))
    return ledger


def report_of(ledger, recipe, spent, release):
    """The report, as bytes by file name."""
    facts = ReportFacts(
        recipe=recipe.resolved(),
        recipe_sha256=recipe.sha256,
        ledger_lines=ledger.lines,
        run=RUN,
        total={**asdict(ledger.total()), "epsilon_budget": 30.0, "approved_by": "DPO"},
        ledger_head=ledger.head.hash,
        own_ledger_reason=None,
        epsilon=spent.epsilon,
        delta=spent.delta,
        epsilon_budget=8.0,
        accountant="privacy loss distributions, dp-accounting 0.6.0",
        patients_at_most=40,
        stages=(StageFacts("context", "private scans", 0.05, 7.4, "what this anatomy looks like"),),
        phantoms=(),
        looks=1,
        seeded=False,
        not_private=False,
        preview_png=None,
        versions={"medsyngen": "0.1.0"},
        release=release,
        mechanism=MechanismFacts(1.0, 2, 2, STEPS),
        delta_at_zero=delta_at(ledger.events(RUN), 0.0),
        curves=curves(privacy_profile(ledger.events(RUN), spent.delta), spent.delta),
    )
    report = build_report(facts)
    data = report_json_bytes(report)
    return {
        "privacy_report.json": data,
        "privacy_report.html": render_html(report, hashlib.sha256(data).hexdigest()),
    }


@functools.cache
def sound_report() -> dict[str, bytes]:
    """The files of a sound report, for drafts that need one and say nothing of it."""
    recipe = load_recipe("smoke-16", patients_at_most=40)
    with tempfile.TemporaryDirectory() as folder, charged_ledger(Path(folder) / "ledger.jsonl", recipe) as ledger:
        spent = guarantee_of(ledger.events(RUN), 1e-5)
        return report_of(ledger, recipe, spent, {"count": 3, "formats": ["dicom", "png"], "classes": {"": 3}})


def release_cohort(
    folder: Path,
    key: Path | None = None,
    *,
    count: int = COUNT,
    shape: tuple[int, ...] = (8, 8),
    formats: tuple[str, ...] = ("dicom", "png"),
    form: ReleaseForm | None = None,
    validators: tuple = (),
) -> Path:
    """Writes a cohort through the gate into ``folder/cohort`` and returns it."""
    recipe = load_recipe("smoke-16", patients_at_most=40)
    with charged_ledger(folder / "ledger.jsonl", recipe) as ledger:
        spent = guarantee_of(ledger.events(RUN), 1e-5)
        release = {"count": count, "formats": [*formats], "classes": {"normal": count}}
        reports = report_of(ledger, recipe, spent, release)
        head = ledger.head
    pixels = np.random.default_rng(5).uniform(-1, 1, (count, 1, *shape)).astype(np.float32)
    with drafting(folder / "cohort") as hidden:
        draft = write_draft(
            Draws(pixels, ("normal",) * count),
            form or recipe.release,
            formats=formats,
            guarantee=spent.sentence(),
            report_files=reports,
            folder=hidden,
        )
        facts = GuaranteeFacts(spent.epsilon, spent.delta, "patient", seeded=False, not_private=False)
        passed = ReleaseGate(8.0, 1e-5, validators).review(
            draft, guarantee=facts, identifiers=frozenset({"PAT-77-XQ"}), public_texts=(recipe.to_yaml(),)
        )
        signing = SigningKey(key) if key else None
        return publish(passed, folder / "cohort", ledger_head=head, recipe_hash=recipe.sha256, signing=signing)


def small_generator(sampler="heun", seed=0):
    """An untrained generator of two classes, 8 pixels a side."""
    size = UNetSize(channels=(8, 8), attention=(False, True), norm_groups=4, head_channels=8)
    facts = GeneratorFacts(
        size=8,
        network=size,
        bands=StageBands(),
        sampler_steps=4,
        classes=("normal", "opacity"),
        shares=(0.6, 0.4),
        seed=seed,
        seeded=False,
        private=True,
        sampler=sampler,
    )
    public = build_unet(size, image_channels=1, class_rows=(1,), seed=1).state_dict()
    context = build_unet(size, image_channels=1, class_rows=(3,), seed=2).state_dict()
    return StagedGenerator(facts, public, context)


def bundle_parts(generator, guarantee="", licence=""):
    """What a draft of a bundle is written from: weights, facts, shapes, text beside the weights."""
    told = json.dumps({"generator": facts_to_json(generator.facts), "synthetic": True}, sort_keys=True)
    tensors = generator.tensors()
    known = generator.facts.conditioning
    facts = BundleFacts(
        name="smoke-16",
        size=generator.facts.size,
        form=ReleaseForm(),
        guarantee=guarantee,
        epsilon=1.0,
        delta=1e-5,
        attributes=dict(zip(known.names, known.values, strict=True)),
        versions={name: version(name) for name in ("monai", "torch", "numpy")},
        licence=licence,
    )
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    return save(tensors, metadata={"medsyngen": told}), facts, {"shapes": shapes, "told": told}


def release_bundle(folder: Path, generator) -> Path:
    """Writes a bundle through the gate into ``folder/bundle`` and returns it."""
    recipe = load_recipe("smoke-16", patients_at_most=40)
    with charged_ledger(folder / "bundle-ledger.jsonl", recipe) as ledger:
        spent = guarantee_of(ledger.events(RUN), 1e-5)
        reports = report_of(ledger, recipe, spent, {"count": 0, "formats": ["monai-bundle"], "classes": {}})
        head = ledger.head
    weights, facts, more = bundle_parts(generator, spent.sentence())
    with drafting(folder / "bundle") as hidden:
        draft = write_bundle(hidden, weights, facts, report_files=reports, **more)
        passed = ReleaseGate(8.0, 1e-5).review_bundle(
            draft,
            guarantee=GuaranteeFacts(spent.epsilon, spent.delta, "patient", seeded=False, not_private=False),
            identifiers=frozenset({"PAT-77-XQ"}),
            public_texts=(recipe.to_yaml(),),
        )
        return publish(passed, folder / "bundle", ledger_head=head, recipe_hash=recipe.sha256)


def make_key(path: Path, name: str) -> str:
    """Makes a key without a passphrase, and returns its line for a list of signers."""
    if shutil.which("ssh-keygen") is None:
        import pytest

        pytest.skip("EXTERNAL: no ssh-keygen on this machine")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, "-C", name], check=True)
    kind, public, *_ = path.with_suffix(".pub").read_text().split()
    return f'{name} namespaces="medsyngen-release" {kind} {public}\n'
