"""Which ledger pays, and what a recipe may ask of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from medsyngen.errors import BudgetRefused, UsageError, VerificationFailed
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.pipeline.run_identity import RunIdentity
from medsyngen.pipeline.site_ledger import network_file_system, network_notice, run_budget, site_ledger
from medsyngen.privacy.budget import Budget
from medsyngen.privacy.ledger import Ledger

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /data nfs4 rw 0 0
/dev/sdb1 /data/local xfs rw 0 0
//server/share /mnt/my\\040share cifs rw 0 0
user@host: /sshfs fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/ledger.jsonl", None),
        ("/data/site/ledger.jsonl", "nfs4"),
        ("/data/local/ledger.jsonl", None),
        ("/database/ledger.jsonl", None),
        ("/mnt/my share/ledger.jsonl", "cifs"),
        ("/sshfs/x/ledger.jsonl", "fuse.sshfs"),
    ],
)
def test_network_file_systems_are_told_from_local_ones(path, kind):
    assert network_file_system(Path(path), MOUNTS) == kind


def test_a_local_ledger_gives_no_notice(tmp_path):
    assert network_notice(tmp_path / "ledger.jsonl") == ()
    assert network_file_system(tmp_path, "") is None


def test_the_place_is_chosen_then_the_variable_then_the_user(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.delenv("MEDSYNGEN_LEDGER", raising=False)
    assert site_ledger() == tmp_path / "share" / "medsyngen" / "ledger.jsonl"
    monkeypatch.setenv("MEDSYNGEN_LEDGER", str(tmp_path / "elsewhere.jsonl"))
    assert site_ledger() == tmp_path / "elsewhere.jsonl"
    assert site_ledger(tmp_path / "chosen.jsonl") == tmp_path / "chosen.jsonl"


def test_delta_and_the_number_of_patients_belong_to_the_ledger(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger.create(path, budget=Budget(9.0, 1e-6), patients_at_most=100, reason=None) as ledger:
        assert run_budget(3.0, None, 100, ledger) == Budget(3.0, 1e-6)
        assert run_budget(3.0, 1e-6, 50, ledger) == Budget(3.0, 1e-6)
        with pytest.raises(BudgetRefused, match="counts at δ = 1e-6"):
            run_budget(3.0, 1e-5, 100, ledger)
        with pytest.raises(BudgetRefused, match="at most 100"):
            run_budget(3.0, None, 101, ledger)
    assert run_budget(3.0, None, 100, None) == Budget(3.0, 1e-5)


def test_a_run_keeps_its_name_and_nobody_else_may_take_its_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.private.mkdir(parents=True)
    ours, theirs = RunIdentity.new(tmp_path / "ledger.jsonl"), RunIdentity.new(None)
    assert ours.run != theirs.run
    assert RunIdentity.load(folder) is None
    ours.claim(folder)
    ours.claim(folder)
    assert RunIdentity.load(folder) == ours
    with pytest.raises(UsageError, match="another process"):
        theirs.claim(folder)
    folder.identity_file.write_text("{}")
    with pytest.raises(VerificationFailed, match="damaged"):
        RunIdentity.load(folder)


def test_two_processes_can_not_work_in_one_run_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.private.mkdir(parents=True)
    with folder.lock(), pytest.raises(UsageError, match="at work"), RunFolder(tmp_path / "run").lock():
        pass
    with folder.lock():
        pass
