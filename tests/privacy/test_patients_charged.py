"""Overlaps between cohorts are told inside, from fingerprints that say nothing without their key."""

from __future__ import annotations

import json
import stat

import pytest

from medsyngen.errors import VerificationFailed
from medsyngen.privacy.patients_charged import PatientsCharged
from medsyngen.scan import PatientKey


def keys(*names: str) -> list[PatientKey]:
    return [PatientKey(name) for name in names]


def test_patients_of_an_earlier_run_are_told_by_number_only(tmp_path):
    charged = PatientsCharged(tmp_path / "ledger.jsonl")
    assert charged.book("one", keys("anna", "bert")) == ()
    assert charged.book("one", keys("anna", "bert")) == ()  # resumed: not an overlap with itself
    (told,) = charged.book("two", keys("bert", "carl"))
    assert told.startswith("1 of these patients were spent on before, in 1 other run ")
    assert "nothing is discounted" in told
    (told,) = charged.book("three", keys("anna", "bert", "dora"))
    assert told.startswith("2 of these patients were spent on before, in 2 other runs ")
    assert charged.book("four", keys("emil")) == ()


def test_the_file_is_for_its_owner_and_names_nobody(tmp_path):
    charged = PatientsCharged(tmp_path / "ledger.jsonl")
    charged.book("one", keys("annabelle", "bertrand"))
    text = charged.path.read_text()
    assert "annabelle" not in text
    assert stat.S_IMODE(charged.path.stat().st_mode) == 0o600
    other = tmp_path / "other"
    other.mkdir()
    PatientsCharged(other / "ledger.jsonl").book("one", keys("annabelle", "bertrand"))
    marks = [set(json.loads(p.read_text())["runs"]["one"]) for p in (charged.path, other / charged.path.name)]
    assert not marks[0] & marks[1]  # another key, other fingerprints


@pytest.mark.parametrize("content", ["", "{", "{}", '{"key": "zz", "runs": {}}', '{"key": "00", "runs": 3}'])
def test_a_damaged_file_is_refused_not_forgotten(tmp_path, content):
    charged = PatientsCharged(tmp_path / "ledger.jsonl")
    charged.path.write_text(content)
    with pytest.raises(VerificationFailed, match="damaged"):
        charged.book("one", keys("anna"))
    assert charged.path.read_text() == content
