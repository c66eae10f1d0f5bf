"""No two processes ever draw the same: not after a fork, not from a second start, not from a worker."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from medsyngen import randomness
from medsyngen.randomness import secure_generator

SCRIPT = """
import json, multiprocessing, os, sys
from medsyngen.randomness import SecureStream, secure_generator


class Unguarded(SecureStream):  # the mutant: draws wherever it is
    def _secret(self):
        return self._key


def in_a_fork(work):
    read, write = os.pipe()
    if os.fork() == 0:
        try:
            out = work()
        except RuntimeError as error:
            out = "refused: " + str(error)
        os.write(write, json.dumps(out).encode())
        os._exit(0)
    os.close(write)
    os.wait()
    with open(read, "rb") as pipe:
        return json.loads(pipe.read())


def fresh():
    return secure_generator().bytes(32).hex()


if __name__ == "__main__":
    stream, used = secure_generator(), secure_generator()
    used.bytes(16)
    before = stream.child(b"before")
    draws = {
        "bytes": lambda: used.bytes(8).hex(), "unused": lambda: stream.bytes(8).hex(),
        "uniform": lambda: stream.uniform(1).tolist(), "normal": lambda: stream.normal(1).tolist(),
        "choose": lambda: stream.choose(3, 1).tolist(), "coin": lambda: stream.coin(b"x"),
        "child made before": lambda: before.normal(1).tolist(), "child made after": lambda: repr(stream.child(b"y")),
        "grandchild": lambda: in_a_fork(lambda: before.coin(b"z")),
    }
    refused = {name: in_a_fork(work) for name, work in draws.items()}
    same_number = os.getpid()
    real, os.getpid = os.getpid, lambda: same_number  # a process number used again
    refused["number used again"] = in_a_fork(draws["coin"])
    os.getpid = real
    mutant = Unguarded(os.urandom(32))
    repeats = in_a_fork(lambda: mutant.child(b"noise").bytes(8).hex()) == mutant.child(b"noise").bytes(8).hex()
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        spawned = [pool.apply(fresh) for _ in range(2)]
    print(json.dumps({
        "refused": refused, "parent": [used.bytes(8).hex(), before.coin(b"x")], "mutant repeats": repeats,
        "fresh": [fresh(), *spawned, in_a_fork(fresh), in_a_fork(fresh)],
    }))
"""


@pytest.fixture(scope="module")
def starts(tmp_path_factory) -> list[dict]:
    """The same program started twice."""
    script = tmp_path_factory.mktemp("starts") / "draws.py"
    script.write_text(SCRIPT)
    done = [subprocess.run([sys.executable, str(script)], capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in done] == [0, 0], done[0].stderr
    return [json.loads(run.stdout) for run in done]


def test_a_forked_child_draws_nothing_from_its_parents_streams(starts):
    for name, answer in starts[0]["refused"].items():
        assert isinstance(answer, str), name
        assert answer.startswith("refused: a secure stream belongs to the process that made it"), name
        assert "call secure_generator() in this process" in answer


def test_the_danger_is_real(starts):
    """Without the guard a fork repeats its parent's noise."""
    assert starts[0]["mutant repeats"]


def test_the_parent_goes_on_drawing(starts):
    used, coin = starts[0]["parent"]
    assert len(used) == 16
    assert 0 <= coin < 1


def test_starts_workers_and_forks_all_draw_differently(starts):
    drawn = [value for start in starts for value in start["fresh"]]
    assert len(drawn) == len(set(drawn)) == 10


def test_a_fork_that_python_does_not_see_is_caught_by_its_process_number(monkeypatch):
    stream = secure_generator()
    monkeypatch.setattr(randomness.os, "getpid", lambda: -1)
    with pytest.raises(RuntimeError, match="belongs to the process"):
        stream.bytes(1)


def test_the_key_is_read_in_one_guarded_place_only():
    """A draw added later can't forget the guard: nothing but ``_secret`` and the constructor names the key."""
    source = Path(randomness.__file__).read_text()
    assert source.count("self._key") == 2
