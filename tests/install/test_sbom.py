"""The list of contents: valid CycloneDX, every wheel with hash and licence, GPL refused."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from install.contents import sha256
from install.licences import allowed, refused
from install.sbom import write_sbom

Wheel = Callable[..., Path]


VALIDATE = """
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read()) is not None)
"""


@pytest.fixture(scope="module")
def tools() -> str:
    """The Python with cyclonedx-py: of its own environment, because what comes with it slows every other process."""
    python = Path(__file__).resolve().parents[2] / ".tools" / "bin" / "python"
    if not python.is_file():
        pytest.skip("EXTERNAL: no .tools here: `make .tools/.installed` makes it")
    return str(python)


def valid(text: str, python: str) -> bool:
    return subprocess.run([python, "-c", VALIDATE], input=text, text=True, check=False).returncode == 0


@pytest.mark.slow
def test_every_wheel_is_listed_with_its_hash_and_licence(tmp_path: Path, wheel: Wheel, tools: str) -> None:
    one = wheel(tmp_path, "first_thing", "1.0", "License-Expression: MIT", "Requires-Dist: other")
    wheel(tmp_path, "other", "2.0+cpu", "Classifier: License :: OSI Approved :: BSD License")
    own = wheel(tmp_path, "medsyngen", "0.1.0", "License-Expression: Apache-2.0")
    wheel(tmp_path, "monai", "1.6.1", "License: Apache License 2.0")
    write_sbom(tmp_path, tmp_path / "sbom.json", python=tools)
    text = (tmp_path / "sbom.json").read_text()
    assert valid(text, tools)
    found = json.loads(text)
    assert not valid(text.replace('"CycloneDX"', '"Cyclone"'), tools)  # the check can fail
    components = {each["name"]: each for each in found["components"]}
    assert sorted(components) == ["first_thing", "monai", "other"]
    about = found["metadata"]["component"]
    assert (about["name"], about["version"]) == ("medsyngen", "0.1.0")
    assert about["hashes"] == [{"alg": "SHA-256", "content": sha256(own)}]
    assert components["first_thing"]["hashes"] == [{"alg": "SHA-256", "content": sha256(one)}]
    assert components["monai"]["licenses"] == [{"license": {"acknowledgement": "concluded", "id": "Apache-2.0"}}]
    assert str(tmp_path) not in text
    assert "file://" not in text


def test_a_wheel_under_the_gpl_stops_the_list(tmp_path: Path, wheel: Wheel, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel(tmp_path, "viral", "1.0")
    wheel(tmp_path, "medsyngen", "0.1.0")
    told = {"name": "viral", "licenses": [{"license": {"id": "GPL-3.0-only"}}]}
    own = {"component": {"name": "medsyngen"}}
    monkeypatch.setattr("install.sbom.list_of", lambda *_: {"metadata": own, "components": [told]})
    with pytest.raises(SystemExit, match=r"viral: GPL-3\.0-only"):
        write_sbom(tmp_path, tmp_path / "sbom.json")
    assert not (tmp_path / "sbom.json").exists()


@pytest.mark.parametrize(
    ("licence", "may"),
    [
        ("MIT", True),
        ("Apache-2.0 AND BSD-3-Clause", True),
        ("MPL-2.0 AND MIT", True),
        ("LGPL-2.1-or-later", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", True),
        ("GPL-3.0-or-later WITH GCC-exception-3.1 AND BSD-3-Clause", True),
        ("BSD-3-Clause AND (MIT OR GPL-2.0-only)", True),
        ("MIT OR GPL-2.0-only", True),
        ("LicenseRef-NVIDIA-Proprietary", True),
        ("GPL-3.0-only", False),
        ("AGPL-3.0-or-later", False),
        ("MIT AND GPL-2.0-only", False),
        ("BSD-3-Clause AND (MIT AND GPL-2.0-only)", False),
        ("GPL-3.0-or-later", False),
        ("GNU General Public License v3 (GPLv3)", False),
        ("GNU Affero General Public License v3", False),
        ("CC-BY-NC-SA-4.0", False),
        ("Server Side Public License", False),
    ],
)
def test_what_a_hospital_can_live_with(licence: str, may: bool) -> None:
    assert allowed(licence) is may


def test_a_package_that_names_no_licence_is_refused() -> None:
    named = {"name": "one", "licenses": [{"license": {"id": "MIT"}}]}
    assert refused({"components": [named]}) == []
    assert refused({"components": [named, {"name": "two"}]}) == ["two names no licence"]
