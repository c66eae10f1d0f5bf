"""A user's command: handed a request and nothing else, killed in time, believed only after a look at its answer."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from medsyngen.errors import UsageError
from medsyngen.synthesis.sources.user_command import UserCommand, checked_answer
from medsyngen.synthesis.variation import Population

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "bring-your-own-generator.md"
GOOD = """
import numpy as np
asked = np.load("request.npz")
rng = np.random.default_rng(int(asked["seed"]))
n, size = len(asked["classes"]), int(asked["size"])
images = rng.uniform(-1, 1, (n, size, size)) if asked["what"] == "random" else asked["images"] * (1 - asked["degree"])
np.savez("answer.npz", images=images.astype(np.float32))
"""
MEMBERS = Population(np.full((2, 1, 8, 8), 0.5, np.float32), np.array([1, 0]))


def command(folder: Path, script: str, seconds: float = 60.0, *arguments: str) -> UserCommand:
    (folder / "generate.py").write_text(script)
    return UserCommand((sys.executable, str(folder / "generate.py"), *arguments), 8, "the maintainers", seconds=seconds)


def rng() -> np.random.Generator:
    return np.random.default_rng(3)


def test_it_makes_random_images_and_varies_members(tmp_path):
    source = command(tmp_path, GOOD)
    made, again = source.random(3, 2, rng()), source.random(3, 2, rng())
    assert made.pixels.shape == (3, 1, 8, 8)
    assert made.pixels.dtype == np.float32
    assert made.classes.tolist() == [2, 2, 2]
    np.testing.assert_array_equal(made.pixels, again.pixels)
    varied = source.vary(MEMBERS, 0.5, rng())
    np.testing.assert_allclose(varied.pixels, 0.25)
    assert varied.classes.tolist() == [1, 0]
    assert len(source.random(0, 2, rng())) == 0
    assert source.origin == "a command, attested to be public by the maintainers"


def test_the_example_of_the_docs_works(tmp_path):
    _, example = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    source = command(tmp_path, example)
    small, large = (source.random(2, label, rng()) for label in (0, 1))
    assert (small.pixels.mean((1, 2, 3)) < large.pixels.mean((1, 2, 3))).all()
    np.testing.assert_array_equal(source.vary(small, 0.0, rng()).pixels, small.pixels)


def test_it_is_handed_nothing_but_the_request(tmp_path, monkeypatch):
    """A variable, an open file and a line of input of this process: the command finds none of them."""
    monkeypatch.setenv("SCANS", "/somewhere/scans")
    secret = os.open(tmp_path / "secret", os.O_CREAT | os.O_RDWR)
    os.set_inheritable(secret, True)
    report = tmp_path / "report"
    script = f"""
import os, sys
with open({str(report)!r}, "w") as file:
    print(open("/proc/self/environ").read().split("\\0"), file=file)
    print(sys.stdin.read() == "", sys.argv[1:], sorted(os.listdir(".")), file=file)
    print([os.readlink(f"/proc/self/fd/{{fd}}") for fd in os.listdir("/proc/self/fd")
           if os.path.exists(f"/proc/self/fd/{{fd}}")], file=file)
    print(os.getcwd(), file=file)
"""
    command(tmp_path, script + GOOD).random(1, 0, rng())
    os.close(secret)
    environment, handed, files, folder = report.read_text().splitlines()
    assert environment == "['PATH=/usr/local/bin:/usr/bin:/bin', '']"
    assert handed == "True [] ['request.npz']"
    assert "/secret" not in files
    assert not Path(folder).exists()  # made for this call, and gone after it
    assert not Path.cwd().is_relative_to(folder)


def test_a_hang_is_killed_with_everything_that_it_started(tmp_path):
    pids = tmp_path / "pids"
    script = f"""
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open({str(pids)!r}, "w") as file:
    print(os.getpid(), child.pid, file=file)
time.sleep(600)
"""
    with pytest.raises(UsageError, match="had not ended after 2 seconds"):
        command(tmp_path, script, 2.0).random(1, 0, rng())
    assert not any(alive(int(pid)) for pid in pids.read_text().split())


def test_nothing_outlives_a_command_that_ended(tmp_path):
    pid = tmp_path / "pid"
    script = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(pid)!r}, "w").write(str(child.pid))
"""
    command(tmp_path, script + GOOD).random(1, 0, rng())
    assert not alive(int(pid.read_text()))


def alive(pid: int) -> bool:
    """Whether the process still runs; a killed child of a dead parent may wait a moment for its burial."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return False
        if state in "ZX":
            return False
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return True


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise SystemExit(3)", "ended with status 3"),
        ("import os; os.symlink('request.npz', 'answer.npz')", "wrote no file answer.npz"),
        ("import numpy as np; np.savez('answer.npz', images=np.zeros((1, 8, 8)))", r"float64 \(1, 8, 8\), not"),
    ],
)
def test_a_command_that_fails_or_answers_wrong_is_refused(tmp_path, script, why):
    with pytest.raises(UsageError, match=why):
        command(tmp_path, script).vary(MEMBERS, 0.5, rng())


@pytest.mark.parametrize(
    ("images", "save", "why"),
    [
        (np.zeros((2, 8, 9), np.float32), np.savez, r"float32 \(2, 8, 9\), not with floats \(2, 8, 8\)"),
        (np.zeros((2, 8, 8), np.uint8), np.savez, "uint8"),
        (np.full((2, 8, 8), np.nan), np.savez, "not finite"),
        (np.full((2, 8, 8), 1.1), np.savez, r"outside \[-1, 1\]"),
        (np.array([None] * 128).reshape(2, 8, 8), np.savez, "can't be read"),  # a pickle
        (np.zeros((200, 800, 8)), np.savez, "larger than"),
        (np.zeros((200, 800, 8)), np.savez_compressed, "can't be read"),  # unpacks to ten megabytes
    ],
)
def test_wrong_answers_are_refused(tmp_path, images, save, why):
    save(tmp_path / "answer.npz", images=images)
    with pytest.raises(UsageError, match=why):
        checked_answer(tmp_path / "answer.npz", (2, 8, 8))


def test_an_answer_that_is_no_archive_is_refused(tmp_path):
    (tmp_path / "answer.npz").write_text("no archive")
    with pytest.raises(UsageError, match="can't be read"):
        checked_answer(tmp_path / "answer.npz", (2, 8, 8))


def test_rounding_is_forgiven_and_clipped(tmp_path):
    np.savez(tmp_path / "answer.npz", images=np.full((1, 2, 2), 1.0005))
    np.testing.assert_array_equal(checked_answer(tmp_path / "answer.npz", (1, 2, 2)), np.ones((1, 1, 2, 2)))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"attested_by": " "}, "nobody attests"),
        ({"command": ("./sh",)}, "whole path"),
        ({"command": ()}, "whole path"),
        ({"command": "sh generate.sh"}, "no list"),
        ({"seconds": 0.0}, "no time"),
    ],
)
def test_a_command_that_cannot_run_is_refused_before_it_is_needed(fields, why):
    with pytest.raises(UsageError, match=why):
        UserCommand(**{"command": ("sh",), "size": 8, "attested_by": "us", **fields})


@pytest.mark.parametrize("fields", [{"command": ("no-such-program-anywhere",)}, {"path": ""}])
def test_a_program_is_looked_for_when_it_is_used(fields):
    source = UserCommand(**{"command": ("sh",), "size": 8, "attested_by": "us", **fields})
    with pytest.raises(UsageError, match="not there"):
        source.random(1, 0, rng())
