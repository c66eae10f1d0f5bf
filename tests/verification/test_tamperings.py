"""Every tampering is found by the check that is there for it; and no check is there for nothing."""

import json
import shutil
import subprocess

import pytest
from tampering import TAMPERINGS, an_event_less, chained, with_manifest, with_report

import medsyngen.verification.epsilon_check
import medsyngen.verification.report_check
import medsyngen.verification.verify as verify_module
from medsyngen.cli.verify import _sentences
from medsyngen.report.fields import fields_of
from medsyngen.report.sentences import compose
from medsyngen.verification.findings import NOT_CHECKED, Finding
from medsyngen.verification.verify import verify


def failing(cohort, signers):
    found = verify(cohort, signers=signers, more={"sentences": _sentences})
    return {finding.check for finding in found.failures}


def test_the_untouched_cohort_is_verified(whole):
    found = verify(whole.cohort, signers=whole.signers, more={"sentences": _sentences})
    assert found.failures == ()
    assert found.signed
    checks = {finding.check for finding in found.findings if finding.verdict == "holds"}
    known = {check for _, checks in TAMPERINGS.values() for check in checks}
    assert known <= checks, "a check that fails somewhere must be seen to hold here"


@pytest.mark.parametrize("name", TAMPERINGS)
def test_it_is_found(cohort, whole, name):
    tamper, expected = TAMPERINGS[name]
    tamper(cohort)
    assert failing(cohort, whole.signers) == expected


CHECKS = {
    "files": (verify_module.tree, "tree_problems"),
    "marks": (verify_module, "mark_problems"),
    "table": (verify_module, "table_problems"),
    "README": (verify_module, "readme_problems"),
    "page": (verify_module, "page_problems"),
    "ε": (verify_module, "epsilon_findings"),
    "curves": (verify_module, "curve_findings"),
    "report": (medsyngen.verification.report_check, "_agreement"),
    "ledger": (medsyngen.verification.report_check, "_ledger"),
    "manifest": (verify_module, "problems"),
    "signature": (verify_module, "check_signature"),
}


@pytest.mark.parametrize("check", CHECKS)
def test_without_a_check_something_is_not_found(whole, tmp_path, monkeypatch, check):
    """A mutant each: the check finds nothing. Then a tampering that it alone finds must go through."""
    answers = {"marks": ([], {}), "signature": Finding("signature", NOT_CHECKED, "")}
    monkeypatch.setattr(*CHECKS[check], lambda *_, **__: answers.get(check, []))
    signers = None if check != "signature" else whole.signers
    missed = []
    for number, (name, (tamper, expected)) in enumerate(TAMPERINGS.items()):
        if check in expected and expected <= {check, "signature", "sentences"}:
            copy = shutil.copytree(whole.cohort, tmp_path / str(number))
            tamper(copy)
            found = {finding.check for finding in verify(copy, signers=signers).failures}
            missed += [name] if check not in found else []
    assert missed


def test_a_signature_by_somebody_else_is_found(cohort, whole):
    assert failing(cohort, whole.others) == {"signature"}
    (cohort / "manifest.json.sig").unlink()
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-f", whole.other, "-n", "medsyngen-release"]
    signed = subprocess.run(sign, input=(cohort / "manifest.json").read_bytes(), capture_output=True, check=True)
    (cohort / "manifest.json.sig").write_bytes(signed.stdout)
    assert failing(cohort, whole.signers) == {"signature"}
    assert failing(cohort, whole.others) == set()


def test_a_signature_for_another_purpose_does_not_count(cohort, whole):
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-f", whole.key, "-n", "git"]
    signed = subprocess.run(sign, input=(cohort / "manifest.json").read_bytes(), capture_output=True, check=True)
    (cohort / "manifest.json.sig").write_bytes(signed.stdout)
    assert failing(cohort, whole.signers) == {"signature"}


def test_what_rests_on_the_signature_alone(cohort, whole):
    """A forger who mends everything and has the sums right is seen by the signature, and by nothing else: as told."""

    def change(report):
        lines = report["ledger"]["lines"]
        del lines[[line["kind"] for line in lines].index("look")]
        chained(lines)
        report["ledger"].update(looks=0, head=lines[-1]["hash"])
        del report["sentences"], report["fields"]
        report["sentences"], report["fields"] = compose(report), fields_of(report)

    with_report(cohort, change)
    ledger = json.loads((cohort / "privacy_report.json").read_text())["ledger"]
    head = {"line": len(ledger["lines"]) - 1, "hash": ledger["head"]}
    with_manifest(cohort, lambda manifest: manifest.update(ledger_head=head))
    assert failing(cohort, whole.signers) == {"signature"}
    (cohort / "manifest.json.sig").unlink()
    assert failing(cohort, None) == set()


def test_a_tampering_says_what_is_wrong(cohort):
    an_event_less(cohort)
    run, everything = [finding.text for finding in verify(cohort).failures if finding.check == "ε"]
    assert "of this run: 2 charged steps give ε" in run
    assert "of all runs together: 3 charged steps give ε" in everything
    assert "but the report says" in run


def as_of_version_1(report):
    for key in ("curves", "statements", "implementation", "audit", "fields"):
        del report[key]
    report["schema_version"] = 1


def test_a_report_of_the_older_version_is_checked_by_its_own_schema(cohort, whole):
    with_report(cohort, as_of_version_1)
    found = verify(cohort, signers=whole.signers, more={"sentences": _sentences})
    assert {finding.check for finding in found.failures} == {"signature"}  # of the file that was signed nothing is left
    (words,) = [finding for finding in found.findings if finding.check == "sentences"]
    assert words.verdict == NOT_CHECKED
    with_report(cohort, lambda report: report["guarantee"].update(epsilon=0.5))
    assert "ε" in failing(cohort, whole.signers)


@pytest.mark.parametrize("version", [0, 3, "2", True, None])
def test_a_report_of_an_unknown_version_is_refused_in_clear_words(cohort, whole, version):
    with_report(cohort, lambda report: report.update(schema_version=version))
    told = [finding.text for finding in verify(cohort, signers=whole.signers).failures if finding.check == "report"]
    assert told == ["privacy_report.json is of another version than this verifier knows; use that version's verifier"]


def test_a_report_of_version_1_may_not_have_fields_of_version_2(cohort, whole):
    with_report(cohort, lambda report: report.update(schema_version=1))
    assert "report" in failing(cohort, whole.signers)
