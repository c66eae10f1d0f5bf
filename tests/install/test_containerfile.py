"""The Containerfile, without building it: every path and program is there, nothing asks a network, nobody is root."""

from __future__ import annotations

import fnmatch
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "Containerfile").read_text()
LINES = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", TEXT, flags=re.MULTILINE)).splitlines()
    if line.strip()
]


def of(word: str) -> list[str]:
    return [rest for each, rest in LINES if each == word]


def test_hadolint_has_nothing_to_say() -> None:
    program = Path(sys.executable).with_name("hadolint")
    if not program.is_file():
        pytest.skip("EXTERNAL: no hadolint here (it comes with the dev extra)")
    done = subprocess.run([program, "Containerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    worse = subprocess.run(
        [program, "-"], input=f"{TEXT}\nRUN sudo cd /x\n", capture_output=True, text=True, check=False
    )
    assert worse.returncode != 0


def test_every_argument_has_a_default_and_is_used() -> None:
    for rest in of("ARG"):
        name, _, default = rest.partition("=")
        assert default, name
        assert f"${{{name}}}" in TEXT, name
    assert {rest.partition("=")[0] for rest in of("ARG")} == {"BASE", "TORCH_BUILD"}


def test_what_is_copied_is_what_make_writes_and_the_ignore_files_let_through() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (into,) = re.findall(r"^WHEELHOUSE \?= (\S+)", makefile, flags=re.MULTILINE)
    stages = [rest.split(" AS ")[1] for rest in of("FROM") if " AS " in rest]
    for rest in of("COPY"):
        words = rest.split()
        if words[0].startswith("--from="):
            assert words[0].removeprefix("--from=") in stages
        else:
            assert words[0] == into.replace("$(TORCH_BUILD)", "${TORCH_BUILD}")
    ignored = (ROOT / ".containerignore").read_text()
    assert ignored == (ROOT / ".dockerignore").read_text()
    rules = [line for line in ignored.splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert [fnmatch.fnmatch("dist/wheelhouse-cpu", rule[1:]) for rule in rules[1:]] == [True]


def test_every_command_is_in_the_base_image_or_in_the_environment_that_was_made() -> None:
    in_base = {"sha256sum", "python3", "mkdir"}  # coreutils, and what an image called python has
    made = {"/opt/medsyngen/bin/pip"}  # by the line before
    for rest in of("RUN"):
        for command in rest.split("&&"):
            assert shlex.split(command)[0] in in_base | made, command
    for pip in re.findall(r"pip install [^&]*", " ".join(of("RUN"))):
        assert {"--no-index", "--require-hashes", "--no-cache-dir"} <= set(pip.split())
    assert not re.search(r"apt|curl|wget|git |https?://", " ".join(rest for _, rest in LINES))
    assert all(shutil.which(name) for name in in_base)


def test_nobody_is_root_and_the_last_stage_starts_medsyngen() -> None:
    last = LINES[max(i for i, (word, _) in enumerate(LINES) if word == "FROM") :]
    user = [rest for word, rest in last if word == "USER"]
    assert user
    assert all(int(part) >= 1000 for part in user[-1].split(":"))
    assert last.index(("USER", user[-1])) > max(i for i, (word, _) in enumerate(last) if word in {"RUN", "COPY"})
    assert ("ENTRYPOINT", '["medsyngen"]') in last
    volumes = [rest for word, rest in last if word == "VOLUME"]
    assert volumes == ["/runs"]


def test_what_it_sets_is_what_the_program_reads() -> None:
    """Everything that is written goes to the volume or to /tmp, so that the rest may be read-only."""
    sources = "\n".join(p.read_text() for top in ("medsyngen", "cli") for p in (ROOT / top).rglob("*.py"))
    settings = dict(re.findall(r"(\w+)=(\S+)", " ".join(of("ENV"))))
    ours = {name for name in settings if name.startswith("MEDSYNGEN_")}
    assert ours == {"MEDSYNGEN_CACHE", "MEDSYNGEN_LEDGER"}
    for name in ours:
        assert f'"{name}"' in sources or f"{name}" in re.findall(r"MEDSYNGEN_\w+", sources), name
        assert settings[name].startswith("/runs/")
    assert settings["HOME"] == "/tmp"


def test_the_base_image_has_a_python_that_is_locked_for() -> None:
    (base,) = [rest.partition("=")[2] for rest in of("ARG") if rest.startswith("BASE=")]
    found = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim-\w+", base)
    assert found
    assert Version("3.11") <= Version(found.group(1)) <= Version("3.12")
