"""The pages on installing say what is so: commands, variables, licences."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from install.contents import NAMESPACE, SBOM, SUMS
from install.licences import READ, allowed
from install.lockfiles import EXTRAS, read

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/how-to/install-offline.md").read_text()
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
ROWS = re.findall(r"^\| ([a-z0-9-]+)[^|]* \| ([^|]+) \|$", (ROOT / "docs/reference/dependencies.md").read_text(), re.M)
LISTED = {name: licence for name, licence in ROWS if name != "package"}


def test_every_target_and_variable_that_is_named_is_in_the_makefile() -> None:
    targets = set(re.findall(r"(?:^|`|\$ )make ([a-z][a-z-]+)", PAGE + README, re.M))
    assert {"wheelhouse", "check-wheelhouse", "sbom"} <= targets
    for target in targets:
        assert re.search(rf"^{target}:", MAKEFILE, re.M), target
    variables = set(re.findall(r"`([A-Z_]+)=", PAGE)) - {"PIP_CERT", "PYTHONDONTWRITEBYTECODE"}
    assert {"TORCH_BUILD", "EXTRAS", "FOR_PYTHON", "SIGN", "WHEELHOUSE"} <= variables
    for variable in variables:
        assert f"$({variable})" in MAKEFILE, variable


def test_the_commands_name_the_files_that_are_written() -> None:
    assert f"sha256sum --check --strict --quiet {SUMS}" in PAGE
    assert f"-n {NAMESPACE} -s {SUMS}.sig < {SUMS}" in PAGE
    assert f"`{SBOM}`" in PAGE
    install = "pip install --no-index --find-links . --require-hashes -r requirements.txt"
    assert install in PAGE
    assert install in (ROOT / ".ci/install/contents.py").read_text()


def test_the_readme_says_how_in_two_lines() -> None:
    (block,) = [each for each in re.findall(r"```(?:text|sh)\n(.*?)```", README, re.S) if "make wheelhouse" in each]
    assert len(block.strip().splitlines()) == 2
    assert "--no-index" in block
    assert "docs/how-to/install-offline.md" in README


def test_links_to_headings_lead_to_headings() -> None:
    headings = {
        re.sub(r"[^\w -]", "", h).strip().lower().replace(" ", "-") for h in re.findall(r"^#+ (.*)", PAGE, re.M)
    }
    links = re.findall(r"\]\((?:\.\./how-to/install-offline\.md)?#([\w-]+)\)", PAGE)
    links += re.findall(r"install-offline\.md#([\w-]+)", (ROOT / "docs/reference/dependencies.md").read_text())
    assert links
    assert set(links) <= headings


def test_every_locked_package_is_listed_and_no_other() -> None:
    assert set(LISTED) == {each.name for each in read("base", "torch-cpu", "torch-cuda", *EXTRAS)}


@pytest.mark.parametrize("name", sorted(LISTED))
def test_the_licence_is_the_one_that_the_package_names(name: str) -> None:
    assert allowed(LISTED[name])
    try:
        found = metadata(name)
    except PackageNotFoundError:
        return
    classes = [
        c.split(" :: ")[-1] for c in found.get_all("Classifier") or [] if c.startswith("License :: OSI Approved :: ")
    ]
    declared = found.get("License-Expression") or next(iter(classes), None) or found.get("License") or ""
    words = {word for word in re.split(r"[\s()-]+", LISTED[name]) if word[:1].isalpha() and word not in {"AND", "OR"}}
    if canonicalize_name(name) in READ:
        assert LISTED[name] == READ[canonicalize_name(name)]
    else:
        assert [word for word in words if word.lower() not in declared.lower()] in ([], ["Clause"]), declared


def test_no_installed_dependency_names_a_licence_that_is_refused() -> None:
    for name in LISTED:
        try:
            found = metadata(name)
        except PackageNotFoundError:
            continue
        texts = [found.get("License-Expression"), *(c for c in found.get_all("Classifier") or [] if "License" in c)]
        assert [text for text in texts if text and not allowed(text)] == [], name
