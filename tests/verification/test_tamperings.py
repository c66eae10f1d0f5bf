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
        del report["sentences"]
        report["sentences"] = compose(report)

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
