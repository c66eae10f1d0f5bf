"""The page of the gate's rules says what the code does: which check is part of which rule, and that none is missing."""

import re
from pathlib import Path

import numpy as np
import pytest
from released import bundle_parts, small_generator

from medsyngen.release.bundle_draft import BundleDraft
from medsyngen.release.check_list import FILE_CHECKS, Reviewed, bundle_checks
from medsyngen.release.checks import RULES, GuaranteeFacts
from medsyngen.release.draft import write_draft
from medsyngen.release.form import ReleaseForm
from medsyngen.release.validators import VALIDATORS
from medsyngen.synthesis.synthesizer import Draws

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/release-gate.md"
WANTED = [f"G{number}" for number in (*range(1, 9), 10, 11, 12)]


@pytest.fixture(scope="module")
def rules_of_checks(tmp_path_factory):
    facts = GuaranteeFacts(1.0, 1e-6, "patient", seeded=False, not_private=False)
    draws = Draws(np.zeros((1, 1, 2, 2), np.float32), ("",))
    folder = tmp_path_factory.mktemp("draft")
    draft = write_draft(draws, ReleaseForm(), guarantee="", report_files={}, folder=folder)
    checks = [make(Reviewed(draft, facts, frozenset())) for make in FILE_CHECKS]
    _, about, rest = bundle_parts(small_generator())
    checks += bundle_checks(BundleDraft(folder, (), about, **rest), facts, frozenset(), ())
    found = {check.name: set(check.rules) for check in checks} | {name: set(rules) for name, rules in RULES.items()}
    return found | {validator.name: {"G10"} for validator in VALIDATORS}


def test_every_rule_has_its_checks_and_the_page_names_them(rules_of_checks):
    rows = re.findall(r"^\| (G[0-9]+) \|.*\| ([^|]+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert [rule for rule, _ in rows] == WANTED
    for rule, told in rows:
        assert sorted(told.split(", ")) == sorted(name for name, rules in rules_of_checks.items() if rule in rules), (
            rule
        )


def test_no_check_is_without_a_rule(rules_of_checks):
    assert all(rules and rules <= set(WANTED) for rules in rules_of_checks.values())
