"""What lies beside a run for its report: machine and program, the hospital's words, an audit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
import torch

import medsyngen.pipeline.implementation as implementation
from medsyngen.errors import UsageError, VerificationFailed
from medsyngen.pipeline.audit_file import audit_json, audit_of, write_audit
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.statements_file import keep_statements, statements_of
from medsyngen.recipe import load_recipe

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path)


def test_a_start_is_recorded_once_and_another_kind_beside_it(folder):
    assert implementation.recorded(folder) is None
    implementation.record(folder, CPU, 1)
    first = folder.implementation_file.read_bytes()
    implementation.record(folder, CPU, 1)
    assert folder.implementation_file.read_bytes() == first
    implementation.record(folder, CPU, 2)
    told = implementation.recorded(folder)
    assert [machine["processes"] for machine in told["machines"]] == [1, 2]
    assert {machine["accelerator"] for machine in told["machines"]} == {"none"}


def test_the_hash_of_the_code_is_that_of_its_files_and_changes_with_one_byte(folder, tmp_path, monkeypatch):
    package = tmp_path / "package"
    (package / "inner").mkdir(parents=True)
    (package / "a.py").write_bytes(b"x = 1\n")
    (package / "inner" / "b.py").write_bytes(b"y = 2\n")
    (package / "notes.txt").write_bytes(b"not code")
    monkeypatch.setattr(implementation, "files", lambda _: package)

    def code():
        implementation._code.cache_clear()
        implementation.record(folder, CPU, 1)
        return implementation.recorded(folder)["code"]

    # The recipe of the hash, written a second time, as docs/reference/report.md gives it.
    names = {"medsyngen/a.py": b"x = 1\n", "medsyngen/inner/b.py": b"y = 2\n"}
    lines = "".join(f"{name}\0{hashlib.sha256(data).hexdigest()}\n" for name, data in names.items())
    try:
        assert code() == {"sha256": hashlib.sha256(lines.encode()).hexdigest(), "files": 2}
        (package / "notes.txt").write_bytes(b"changed")
        before = code()
        (package / "inner" / "b.py").write_bytes(b"y = 3\n")
        assert code() != before
    finally:
        implementation._code.cache_clear()


def test_a_damaged_record_is_told(folder):
    folder.implementation_file.write_text("{")
    with pytest.raises(VerificationFailed, match=r"implementation\.json"):
        implementation.recorded(folder)


def test_what_is_said_later_wins_over_the_recipe(folder, tmp_path):
    recipe = load_recipe("smoke-16", ["report.curator=Recipe Hospital", "report.region=Here"])
    assert statements_of(folder, recipe) == {"curator": "Recipe Hospital", "region": "Here"}
    said = tmp_path / "said.yaml"
    said.write_text("curator: Other Hospital\nauthors: [A, B]\n")
    keep_statements(folder, said)
    assert statements_of(folder, recipe) == {"curator": "Other Hospital", "authors": ["A", "B"], "region": "Here"}


@pytest.mark.parametrize("text", ["- a", "curater: x", "date: 5 May", "authors: one", "{", "curator: [1]"])
def test_statements_that_are_not_in_order_are_refused_and_not_kept(folder, tmp_path, text):
    said = tmp_path / "said.yaml"
    said.write_text(text)
    with pytest.raises(UsageError):
        keep_statements(folder, said)
    assert not folder.statements_file.exists()


def whole_audit(recipe, verdict="consistent"):
    """As `medsyngen audit` writes one."""
    found = {"verdict": verdict, "explanation": "", "threat_model": "", "unit": "patient", "claimed": {"epsilon": 1.0}}
    found |= {"adjacency": "add or remove one patient's record", "attack": {}, "attack_has_power": True}
    return audit_json(recipe, "training", {**found, "control_without_noise": {}})


def test_an_audit_that_refuted_its_claim_is_not_written_over(folder):
    recipe = load_recipe("smoke-16", patients_at_most=40)
    write_audit(folder.audit_file, whole_audit(recipe))
    write_audit(folder.audit_file, whole_audit(recipe, "VIOLATION"))
    with pytest.raises(UsageError, match="not written over"):
        write_audit(folder.audit_file, whole_audit(recipe))
    assert audit_of(folder, recipe.sha256)["verdict"] == "VIOLATION"


def test_an_audit_is_of_this_recipe_or_refused(folder, tmp_path):
    recipe = load_recipe("smoke-16", patients_at_most=40)
    assert audit_of(folder, recipe.sha256) is None
    audit = whole_audit(recipe)
    write_audit(folder.audit_file, audit)
    assert audit_of(folder, recipe.sha256) == audit
    with pytest.raises(VerificationFailed, match="another recipe"):
        audit_of(folder, "0" * 64)
    lacking = {key: told for key, told in audit.items() if key != "verdict"}
    infinite = {**audit, "claimed": {"epsilon": float("inf")}}
    for damaged in ("{", "[]", *map(json.dumps, ({"verdict": "consistent"}, lacking, {**audit, "x": 1}, infinite))):
        Path(folder.audit_file).write_text(damaged)
        with pytest.raises(VerificationFailed):
            audit_of(folder, recipe.sha256)


def test_prose_written_after_the_scans_were_read_excuses_no_identifier(monkeypatch, tmp_path):
    """Words of these texts are not searched for in a release: a patient's name in a statement must stay one."""
    from types import SimpleNamespace

    from medsyngen.pipeline import reports

    stated = {"settings": "all but Mustermann", "curator": "Example Hospital"}
    monkeypatch.setattr(reports, "statements_of", lambda *_: stated)
    monkeypatch.setattr(reports, "recorded", lambda *_: None)
    monkeypatch.setattr(reports, "audit_of", lambda *_: None)
    books = SimpleNamespace(guarantee=SimpleNamespace(sentence=lambda: ""), public_words=())
    texts = " ".join(reports.public_texts(None, load_recipe("smoke-16", patients_at_most=20), books))
    assert "Example Hospital" in texts
    assert "Mustermann" not in texts
