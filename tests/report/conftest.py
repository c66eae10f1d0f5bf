"""A sound set of facts that each test bends in one place."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from medsyngen.report import MechanismFacts, ReportFacts, StageFacts

RECIPE_SHA256 = hashlib.sha256(b"recipe").hexdigest()
DELTA = 2.857142e-6
RUN = "0123456789abcdef"
TOTAL = {"runs": 1, "in_advance": 7.9931, "by_filter": 8.8, "order": 7, "admits_more": True}
TOTAL |= {"epsilon_budget": 20.0, "approved_by": "the data protection officer"}


def chain(*lines: dict[str, Any]) -> tuple[dict[str, Any], ...]:
    """Lines of a ledger, numbered and chained, each hashed as the ledger's format says."""
    done: list[dict[str, Any]] = []
    for number, line in enumerate(lines):
        body = line | {"n": number, "previous": done[-1]["hash"] if done else "0" * 64}
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        done.append(body | {"hash": hashlib.sha256(text.encode()).hexdigest()})
    return tuple(done)


def opening(reason: str | None = None, delta: float = DELTA) -> dict[str, Any]:
    unit = {"unit": "patient", "adjacency": "add or remove one patient's record", "format": "medsyngen ledger 2"}
    unit |= {"approved_by": "the data protection officer"}
    return {"kind": "open", "epsilon": 8.0, "delta": delta, "patients_at_most": 3500, "reason": reason} | unit


def charge(steps: int, sigma: float = 2.4375, q: float = 0.05, first: int = 0, **more: Any) -> dict[str, Any]:
    gaussian = {"type": "gaussian", "noise_multiplier": sigma}
    sampled = {"type": "poisson_sampled", "sampling_probability": q, "event": gaussian}
    event = {"type": "self_composed", "count": steps, "event": sampled}
    line = {"kind": "charge", "purpose": "context expert", "event": event, "block": [first, first + steps]}
    return line | {"seeded": False, "recipe_sha256": RECIPE_SHA256, "run": RUN} | more


def reserve(steps: int, sigma: float = 2.4375, q: float = 0.05, **more: Any) -> dict[str, Any]:
    line = {"kind": "reserve", "plan": charge(steps, sigma, q)["event"], "order": 7, "run": RUN}
    return line | {"seeded": False, "recipe_sha256": RECIPE_SHA256} | more


def on(facts: ReportFacts, *lines: dict[str, Any], **bent: Any) -> ReportFacts:
    """The facts with another ledger."""
    chained = chain(*lines)
    bent = {"ledger_lines": chained, "ledger_head": chained[-1]["hash"], "epsilon_after": ()} | bent
    return replace(facts, **bent)


@pytest.fixture
def ledger() -> SimpleNamespace:
    """What a test needs to write another ledger."""
    return SimpleNamespace(chain=chain, opening=opening, charge=charge, reserve=reserve, on=on)


def phantoms_only() -> ReportFacts:
    """Facts of a run that read no scan: no ledger, and nothing that only one could say."""
    facts = sound_facts()
    return replace(
        facts,
        ledger_lines=(),
        ledger_head="",
        run="",
        total=None,
        epsilon=0.0,
        delta=0.0,
        epsilon_after=(),
        accountant="none needed",
        patients_at_most=None,
        mechanism=None,
        stages=tuple(replace(stage, data="phantoms") for stage in facts.stages),
    )


@pytest.fixture
def alone() -> ReportFacts:
    return phantoms_only()


def png() -> bytes:
    from PIL import Image

    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:32, 0:32] / 31
    tiles = []
    for _ in range(24):
        lungs = sum(np.exp(-(((x - c) / 0.14) ** 2 + ((y - 0.5) / rng.uniform(0.2, 0.34)) ** 2)) for c in (0.3, 0.7))
        tiles.append(np.clip(200 - 150 * lungs + rng.normal(0, 9, (32, 32)), 0, 255))
    grid = np.array(tiles).reshape(3, 8, 32, 32).transpose(0, 2, 1, 3).reshape(96, 256)
    buffer = io.BytesIO()
    Image.fromarray(grid.astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def facts() -> ReportFacts:
    return sound_facts()


def sound_facts() -> ReportFacts:
    lines = chain(
        opening(),
        reserve(600),
        *[charge(120, first=120 * block) for block in range(4)],
        {"kind": "note", "text": "resumed at step 480"},
        charge(120, first=480),
    )
    chest = [
        ("lung_area", 0.22, 0.42, "share of the image", "Textbook of chest radiography, adult PA view"),
        ("heart_ratio", 0.38, 0.58, "heart / thorax width", "cardiothoracic ratio, normal to enlarged"),
        ("rib_contrast", 0.02, 0.15, "of full scale", "visual estimate from published figures"),
        ("photons", 2e3, 4e4, "per pixel", "quantum noise of a computed-radiography plate"),
    ]
    leaves = [("radius_power", 2.0, 3.5, "exponent", "dead leaves model, Lee, Mumford and Huang 2001")]
    keys = ("name", "low", "high", "unit", "source")
    parameters = [dict(zip(keys, row, strict=True)) for row in chest]
    return ReportFacts(
        recipe={
            "name": "chest-radiograph-32",
            "description": "Frontal chest radiographs at 32 pixels, staged diffusion.",
            "patients_at_most": 3500,
            "privacy": {"epsilon": 8.0, "delta": None},
            "scans": {"modalities": ["CR", "DX"], "size": 32, "window": "bit-depth", "max_skipped_share": 0.05},
            "classes": [
                {"name": "normal", "label": "0", "share": 0.6},
                {"name": "abnormal", "label": "1", "share": 0.4},
            ],
            "synthesis": {"method": "staged-diffusion", "phantoms": [{"name": "chest_radiograph", "share": 0.9}]},
        },
        recipe_sha256=RECIPE_SHA256,
        ledger_lines=lines,
        run=RUN,
        total=TOTAL,
        ledger_head=lines[-1]["hash"],
        own_ledger_reason=None,
        epsilon=7.9931,
        delta=DELTA,
        epsilon_budget=8.0,
        accountant="PLD, dp-accounting 0.6.0",
        patients_at_most=3500,
        stages=(
            StageFacts("coarse", "phantoms", 8.45, 91.4, "layout, mean, field of view"),
            StageFacts("cleaning", "phantoms", 0.002, 0.0498, "edges, texture, the modality's own noise"),
            StageFacts("context", "private scans", 0.0498, 8.45, "what this anatomy in these patients looks like"),
        ),
        phantoms=(
            {"name": "chest_radiograph", "share": 0.9, "version": "1", "parameters": parameters},
            {
                "name": "dead_leaves",
                "share": 0.1,
                "version": "1",
                "parameters": [dict(zip(keys, leaves[0], strict=True))],
            },
        ),
        looks=0,
        seeded=False,
        not_private=False,
        preview_png=png(),
        versions={"medsyngen": "0.1.0", "torch": "2.13.0", "monai": "1.6.1", "dp-accounting": "0.6.0"},
        release={"count": 1000, "formats": ["dicom", "png"], "classes": {"normal": 600, "abnormal": 400}},
        mechanism=MechanismFacts(1.0, 4, 3, 600),
        epsilon_after=(0.0, 0.0, 3.2114, 4.8271, 6.0318, 7.0712, 7.0712, 7.9931),
    )
