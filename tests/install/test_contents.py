"""Beside the wheels: sums that find every change, requirements that pip holds to, a signature for this purpose."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from install import contents
from install.lockfiles import parse
from install.target import NotMade, Target, this_python
from install.wheelhouse import fetch, fill

Wheel = Callable[..., Path]
HERE = Target(this_python(), "")


def sums_hold(folder: Path) -> bool:
    command = ["sha256sum", "--check", "--strict", "--quiet", contents.SUMS]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.fixture
def house(tmp_path: Path, wheel: Wheel) -> Path:
    wheel(tmp_path, "first_thing", "1.0")
    wheel(tmp_path, "other", "2.0+cpu")
    (tmp_path / contents.SBOM).write_text("{}")
    contents.describe(tmp_path, HERE, "cpu", ["codecs"])
    return tmp_path


def test_the_sums_cover_every_file_and_find_every_change(house: Path) -> None:
    assert sums_hold(house)
    listed = {line.split("  ")[1] for line in (house / contents.SUMS).read_text().splitlines()}
    assert listed == {path.name for path in house.iterdir()} - {contents.SUMS}
    for path in sorted(house.iterdir()):
        if path.name != contents.SUMS:
            whole = path.read_bytes()
            path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
            assert not sums_hold(house), path.name
            path.write_bytes(whole)
    assert sums_hold(house)


def install(house: Path, into: Path) -> subprocess.CompletedProcess[str]:
    pip = [sys.executable, "-m", "pip", "--isolated", "install", "--quiet", "--no-index", "--find-links", str(house)]
    pip += ["--target", str(into), "--require-hashes", "-r", str(house / contents.REQUIREMENTS)]
    return subprocess.run(pip, capture_output=True, text=True, check=False)


def test_pip_installs_it_and_refuses_a_wheel_that_was_changed(house: Path, tmp_path: Path, wheel: Wheel) -> None:
    assert "first-thing==1.0 --hash=sha256:" in (house / contents.REQUIREMENTS).read_text()
    done = install(house, tmp_path / "into")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "into" / "other.py").is_file()
    wheel(house, "other", "2.0+cpu", "Summary: changed on the way")
    done = install(house, tmp_path / "again")
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


def test_what_comes_in_must_have_a_locked_hash(tmp_path: Path, wheel: Wheel) -> None:
    (tmp_path / "index").mkdir()
    path = wheel(tmp_path / "index", "other", "2.0")
    where = ["--no-index", "--find-links", str(tmp_path / "index")]
    good = parse(f"other==2.0 \\\n    --hash=sha256:{contents.sha256(path)}\n")
    for target in (HERE, Target("3.12", "manylinux_2_28_x86_64")):
        fetch(good, target, tmp_path / "out", where)
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes()
        shutil.rmtree(tmp_path / "out")
        with pytest.raises(NotMade, match="could not get every wheel"):
            fetch(parse(f"other==2.0 --hash=sha256:{'0' * 64}\n"), target, tmp_path / "out", where)


def test_a_folder_that_is_no_wheelhouse_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(NotMade, match="no wheelhouse"):
        fill(tmp_path, HERE, "cpu", [], "")
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_the_page_says_how(house: Path) -> None:
    page = (house / "README.txt").read_text()
    assert f"python{this_python()} -m venv" in page
    assert "--no-index --find-links . --require-hashes -r requirements.txt" in page


def test_a_signature_is_of_these_sums_for_this_purpose(house: Path, tmp_path: Path) -> None:
    if shutil.which("ssh-keygen") is None:
        pytest.skip("EXTERNAL: no ssh-keygen here (.ci/run installs it)")
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
    contents.sign(house, key)
    signers = tmp_path / "allowed_signers"
    signers.write_text(f"it@hospital {key.with_suffix('.pub').read_text()}")
    check = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        signers,
        "-I",
        "it@hospital",
        "-s",
        house / f"{contents.SUMS}.sig",
        "-n",
    ]

    def holds(purpose: str) -> bool:
        text = (house / contents.SUMS).read_bytes()
        return subprocess.run([*check, purpose], input=text, capture_output=True, check=False).returncode == 0

    assert holds(contents.NAMESPACE)
    assert not holds("medsyngen-release")
    (house / contents.SUMS).write_text("")
    assert not holds(contents.NAMESPACE)
    with pytest.raises(NotMade, match="did not sign"):
        contents.sign(house, tmp_path / "no such key")
