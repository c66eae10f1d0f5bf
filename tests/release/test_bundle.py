"""The gate of a bundle refuses what the gate of a cohort would, and every byte that belongs to no weight."""

import json
import os

import pytest
import torch
from released import bundle_parts, small_generator, sound_report
from safetensors.torch import load, save

from medsyngen.errors import ReleaseRefused, UsageError
from medsyngen.release.bundle_draft import read_licence, write_bundle
from medsyngen.release.checks import GuaranteeFacts
from medsyngen.release.gate import ReleaseGate

pytestmark = pytest.mark.slow  # whole cohorts, written and judged

WEIGHTS = "models/generator.safetensors"


@pytest.fixture(scope="module")
def generator():
    return small_generator()


def draft_of(folder, generator, **more):
    weights, facts, rest = bundle_parts(generator, **more)
    folder.mkdir()
    return write_bundle(folder, weights, facts, report_files=sound_report(), **rest)


@pytest.fixture
def draft(tmp_path, generator):
    return draft_of(tmp_path / "draft", generator)


def review(draft, identifiers=frozenset({"PAT-77-XQ"}), **changes):
    facts = {"epsilon": 7.9, "delta": 1e-6, "unit": "patient", "seeded": False, "not_private": False}
    return ReleaseGate(8.0, 1e-5).review_bundle(
        draft, guarantee=GuaranteeFacts(**(facts | changes)), identifiers=identifiers
    )


def refused_by(draft, **changes):
    with pytest.raises(ReleaseRefused) as caught:
        review(draft, **changes)
    assert str(draft.folder) not in str(caught.value.details)
    return {line.split(":")[0] for line in caught.value.details}


def test_a_sound_bundle_passes(draft):
    release = review(draft)
    assert release.kind == "bundle"
    assert set(release.files) == set(draft.files)
    names = {verdict.check for verdict in release.verdicts}
    assert {"budget", "unit", "noise", "files", "weights", "bundle texts", "source identifiers"} <= names


@pytest.mark.parametrize(
    ("check", "changes"),
    [
        ("budget", {"epsilon": 8.1}),
        ("unit", {"unit": "image"}),
        ("noise", {"seeded": True}),
        ("noise", {"not_private": True}),
        ("source identifiers", {"identifiers": None}),
    ],
)
def test_facts_that_refuse(draft, check, changes):
    assert refused_by(draft, **changes) == {check}


def changed(file, change):
    def tamper(draft):
        path = draft.folder / file
        path.write_bytes(change(path.read_bytes()))

    return tamper


def with_metadata(data, text):
    return save(load(data), metadata={"medsyngen": text})


def with_tensors(data, change):
    tensors = load(data)
    change(tensors)
    size = int.from_bytes(data[:8], "little")
    return save(tensors, metadata=json.loads(data[8 : 8 + size])["__metadata__"])


def not_a_number(tensors):
    next(iter(tensors.values())).flatten()[0] = float("nan")


LEAKS = {
    "an extra file": (lambda draft: (draft.folder / "notes.txt").write_text("x"), {"files"}),
    "a file less": (lambda draft: (draft.folder / "LICENSE").unlink(), {"files"}),
    "a link": (lambda draft: os.symlink("LICENSE", draft.folder / "more"), {"files"}),
    "a word in the metadata": (
        changed("configs/metadata.json", lambda data: data.replace(b"released", b"by Dr Doe")),
        {"bundle texts"},
    ),
    "code in the config": (
        changed("configs/inference.json", lambda data: data.replace(b"$import torch", b"$import shutil")),
        {"bundle texts"},
    ),
    "a word beside the weights": (changed(WEIGHTS, lambda data: with_metadata(data, "x")), {"weights"}),
    "a tensor more": (
        changed(WEIGHTS, lambda data: with_tensors(data, lambda t: t.update(more=torch.ones(1)))),
        {"weights"},
    ),
    "a tensor of bytes": (
        changed(
            WEIGHTS, lambda data: with_tensors(data, lambda t: t.update({k: v.to(torch.uint8) for k, v in t.items()}))
        ),
        {"weights"},
    ),
    "no number": (changed(WEIGHTS, lambda data: with_tensors(data, not_a_number)), {"weights"}),
    "bytes behind the weights": (changed(WEIGHTS, lambda data: data + b"\0\0\0\0"), {"weights"}),
    "another report": (changed("privacy_report.json", lambda data: data + b" "), {"privacy report"}),
    "an identifier beside the weights": (
        changed(WEIGHTS, lambda data: with_metadata(data, "PAT-77-XQ")),
        {"weights", "source identifiers"},
    ),
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_is_refused(draft, name):
    tamper, expected = LEAKS[name]
    tamper(draft)
    assert refused_by(draft) == expected


def test_an_identifier_in_the_licence_is_an_incident(tmp_path, generator):
    draft = draft_of(tmp_path / "draft", generator, licence="Ask about PAT-77-XQ.\n")
    with pytest.raises(ReleaseRefused, match="incident"):
        review(draft)
    assert review(draft, identifiers=frozenset({"nobody-at-all"}))


def test_a_licence_that_is_none_is_refused(tmp_path):
    (tmp_path / "empty").write_text(" \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    for name in ("empty", "binary", "absent"):
        with pytest.raises(UsageError):
            read_licence(tmp_path / name)
    assert read_licence(None) == ""
