"""The verifier needs no library: not as part of the package, and not as one file on a machine with Python alone."""

import ast
import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from tampering import one_bit, smaller_epsilon_everywhere

import medsyngen.verification
from medsyngen.verification.packing import pack

HERE = Path(medsyngen.verification.__file__).parent
ALLOWED = {"dp_accounting"}
"""Used where it happens to be installed."""


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(HERE.glob("*.py")), ids=lambda path: path.name)
def test_it_imports_the_standard_library_and_itself(path):
    for name in imported(path):
        own = name.startswith("medsyngen.verification")
        assert own or name.partition(".")[0] in sys.stdlib_module_names | ALLOWED, name


@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("verifier") / "medsyngen-verify.pyz")


def bare(verifier, *arguments):
    """Runs the one file by a Python without site-packages, in an empty environment and folder."""
    python = Path(sysconfig.get_config_var("BINDIR")) / f"python{sys.version_info.major}.{sys.version_info.minor}"
    program = str(python) if python.is_file() else sys.executable
    path = str(Path(shutil.which("ssh-keygen") or "/usr/bin/ssh-keygen").parent)
    return subprocess.run(
        [program, "-I", "-S", str(verifier), *map(str, arguments)],
        cwd=verifier.parent,
        env={"PATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def test_one_file_verifies_with_python_alone(verifier, whole):
    done = bare(verifier, whole.cohort, "--signers", whole.signers, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = {(each["check"], each["verdict"]) for each in json.loads(done.stdout)}
    for check in ("manifest", "signature", "files", "marks", "table", "README", "report", "ledger", "ε", "page"):
        assert (check, "holds") in found
    assert ("sentences", "not checked") in found
    assert ("ε", "not checked") in found  # by dp-accounting, which is not there


def test_one_file_finds_a_small_epsilon_and_a_bit(verifier, cohort, whole):
    smaller_epsilon_everywhere(cohort)
    done = bare(verifier, cohort)
    assert done.returncode == 7
    assert "but the report says" in done.stdout
    one_bit("dicom/SYN-000001.dcm")(cohort)
    assert "dicom/SYN-000001.dcm is not the file that was released" in bare(verifier, cohort).stdout


def test_a_folder_that_is_none(verifier, tmp_path):
    assert bare(verifier, tmp_path / "nothing").returncode == 7
    assert bare(verifier, tmp_path).returncode == 7
    assert bare(verifier).returncode == 2


def test_the_same_sources_give_the_same_bytes(verifier, tmp_path):
    assert pack(tmp_path / "again.pyz").read_bytes() == verifier.read_bytes()
    with zipfile.ZipFile(verifier) as archive:
        names = set(archive.namelist())
    assert "medsyngen/verification/manifest.schema.json" in names
    assert "medsyngen/report/report.schema.json" in names
    assert {name.rpartition("/")[0] for name in names} == {
        "",
        "medsyngen",
        "medsyngen/verification",
        "medsyngen/report",
    }


BLOCKED = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in "torch monai pydicom nibabel numpy scipy opacus dp_accounting".split():
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
sys.argv = ["medsyngen", "verify", sys.argv[1], "--signers", sys.argv[2], "--json"]
from medsyngen.cli.app import main
main()
"""


def test_the_command_works_without_torch_monai_and_the_rest(whole):
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, whole.cohort, whole.signers], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert (found["verified"], found["signed"], found["kind"]) == (True, True, "cohort")


def test_the_command_says_what_is_wrong_and_ends_with_7(cohort, monkeypatch):
    one_bit("png/SYN-000001.png")(cohort)
    program = [sys.executable, "-m", "medsyngen.cli", "verify", cohort]
    done = subprocess.run(program, capture_output=True, text=True, check=False, env=None)
    assert (done.returncode, done.stdout) == (7, "")
    assert "verification failed" in done.stderr
    assert "png/SYN-000001.png" in done.stderr
    assert "next: " in done.stderr
