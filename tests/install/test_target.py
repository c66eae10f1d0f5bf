"""A wheelhouse for another machine: which markers hold there, what pip is told, what is refused in words."""

from __future__ import annotations

import platform
import sys

import pytest

from install.target import NotMade, Target, this_python
from install.wheelhouse import wanted


def test_this_machine_is_this_machine() -> None:
    here = Target(this_python(), "")
    assert here.is_this_machine
    assert here.environment()["sys_platform"] == sys.platform
    assert here.machine == platform.machine()
    assert not Target(this_python(), "manylinux_2_28_x86_64").is_this_machine


def test_markers_are_asked_of_the_other_machine() -> None:
    older, newer = Target("3.11", "manylinux_2_28_x86_64"), Target("3.12", "macosx_14_0_arm64")
    assert {each.name for each in wanted(older, "cpu", [])} - {each.name for each in wanted(newer, "cpu", [])} == {
        "importlib-resources"
    }
    assert (newer.environment()["sys_platform"], newer.environment()["platform_machine"]) == ("darwin", "arm64")
    assert [each.version for each in wanted(older, "cpu", []) if each.name == "torch"] == ["2.13.0+cpu"]
    assert [each.version for each in wanted(newer, "cpu", []) if each.name == "torch"] == ["2.13.0"]


def test_cuda_and_extras_are_asked_for() -> None:
    target = Target("3.12", "manylinux_2_28_x86_64")
    plain = {each.name for each in wanted(target, "cpu", [])}
    assert {"nvidia-cublas", "triton"} <= {each.name for each in wanted(target, "cuda", [])} - plain
    assert {each.name for each in wanted(target, "cpu", ["codecs"])} - plain == {
        "pyjpegls",
        "pylibjpeg",
        "pylibjpeg-openjpeg",
    }
    assert not {each for each in plain if each.startswith("nvidia")}


def test_pip_is_told_what_an_older_library_allows() -> None:
    options = Target("3.12", "manylinux_2_28_x86_64").pip_options()
    assert {"--platform=manylinux_2_28_x86_64", "--platform=manylinux2014_x86_64", "--only-binary=:all:"} <= set(
        options
    )
    assert "--platform=manylinux_2_34_x86_64" not in options
    assert "--platform=macosx_11_0_universal2" in Target("3.12", "macosx_14_0_arm64").pip_options()


@pytest.mark.parametrize(
    ("python", "wheel_platform", "word"),
    [("3.9", "", "3.11 or newer"), ("three", "", "no Python version"), ("3.12", "win_amd64", "WSL2")],
)
def test_what_there_is_none_for_is_refused_in_words(python: str, wheel_platform: str, word: str) -> None:
    with pytest.raises(NotMade, match=word):
        Target(python, wheel_platform)


def test_unknown_extras_and_builds_are_refused_in_words() -> None:
    here = Target(this_python(), "")
    with pytest.raises(NotMade, match="codexs"):
        wanted(here, "cpu", ["codexs"])
    with pytest.raises(NotMade, match="rocm"):
        wanted(here, "rocm", [])
