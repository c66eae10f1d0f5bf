"""Processes that read: in order, whatever dies, and within their limits."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
import reading_tasks
from hypothesis import given, settings
from hypothesis import strategies as st

from medsyngen.formats.allowance import Limits
from medsyngen.formats.reading_workers import AHEAD, ReadingWorkers
from medsyngen.formats.refusal import ScanRefused

pytestmark = pytest.mark.slow  # processes that read

QUICK = Limits(seconds=0.3, silence=1.0)


@pytest.fixture(scope="module")
def workers():
    with ReadingWorkers(2, limits=QUICK) as two:
        yield two


def outcomes(workers, function, arguments):
    return [each.reason if isinstance(each, ScanRefused) else each for each in workers.imap(function, arguments)]


def test_answers_come_in_order(workers):
    numbers = list(range(10 * AHEAD))
    assert outcomes(workers, reading_tasks.echo, numbers) == numbers


def test_answers_larger_than_a_pipe_and_questions_larger_than_a_pipe(workers):
    for size, answer in zip(
        [3_000_000, 1, 2_000_000], workers.imap(reading_tasks.array, [3_000_000, 1, 2_000_000]), strict=True
    ):
        assert answer.sum(dtype=np.float64) == size * (size - 1) / 2
        answer[:1] = 7  # they are the caller's own
    long = ["x" * 300_000 + str(number) for number in range(40)]
    assert outcomes(workers, reading_tasks.echo, long) == long


def test_a_refusal_is_an_answer_and_map_one_raises_it(workers):
    (refused,) = workers.imap(reading_tasks.refuse, ["flat"])
    assert (refused.reason, refused.detail) == ("flat", "a word")
    with pytest.raises(ScanRefused, match="a word"):
        workers.map_one(reading_tasks.refuse, "flat")
    assert workers.map_one(reading_tasks.echo, (1, "b")) == (1, "b")


@settings(max_examples=3, deadline=None)
@given(st.lists(st.sampled_from(["fine", "abort", "segfault", "loop", 2 << 30]), min_size=1, max_size=5))
def test_whoever_dies_only_its_own_answer_is_lost(workers, behaviours):
    said = {"fine": "fine", "abort": "reader-died", "segfault": "reader-died", "loop": "too-slow", 2 << 30: "too-large"}
    assert outcomes(workers, reading_tasks.behave, behaviours) == [said[each] for each in behaviours]


def test_a_process_that_hangs_is_ended(workers):
    start = time.monotonic()
    assert outcomes(workers, reading_tasks.behave, ["fine", "sleep", "fine"]) == ["fine", "too-slow", "fine"]
    assert time.monotonic() - start < 30


def test_a_file_is_not_refused_for_what_another_did():
    with ReadingWorkers() as one:
        assert outcomes(one, reading_tasks.poison, ["poison", "b", "c"]) == ["poison", "b", "c"]


def test_memory_that_is_held_does_not_count_against_the_next_file():
    with ReadingWorkers(limits=Limits(memory=200 << 20)) as one:
        assert outcomes(one, reading_tasks.keep, [150 << 20] * 4) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("claim", "file", "said"), [(60 << 20, 2 << 20, 1), (0, 10 << 20, "too-large"), (60 << 20, 999, "too-large")]
)
def test_an_image_that_is_honestly_large_gets_more(claim, file, said):
    with ReadingWorkers() as one:
        assert outcomes(one, reading_tasks.big, [(claim, file)]) == [said]


def test_no_torch_in_the_process():
    with ReadingWorkers() as one:
        from medsyngen.formats.locator import read_image

        list(one.imap(read_image, ["absent"]))  # whatever reading loads
        loaded = set(one.map_one(reading_tasks.modules, None))
    assert "pydicom" in loaded
    assert loaded & {"torch", "monai", "skimage", "scipy", "matplotlib", "opacus", "multiprocessing"} == set()


def test_leaving_half_way_ends_what_is_left_undone():
    with ReadingWorkers() as one:
        answers = one.imap(reading_tasks.process, range(200))
        first = next(answers)
        with pytest.raises(RuntimeError, match="another task"):
            next(one.imap(reading_tasks.echo, [1]))
        answers.close()
        assert one.map_one(reading_tasks.echo, "next") == "next"
        assert one.map_one(reading_tasks.process, None) != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_a_process_killed_between_tasks_costs_no_file():
    with ReadingWorkers() as one:
        number = one.map_one(reading_tasks.process, None)
        os.kill(number, 9)
        time.sleep(0.2)
        assert one.map_one(reading_tasks.echo, 5) == 5


def test_arguments_are_taken_as_they_are_needed(workers):
    taken = []

    def numbers():
        for number in range(10_000):
            taken.append(number)
            yield number

    answers = workers.imap(reading_tasks.echo, numbers())
    next(answers)
    assert len(taken) <= 2 * AHEAD + 1
    answers.close()


def test_a_process_that_can_not_start_says_so(monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    from medsyngen.errors import MedsyngenError

    with pytest.raises(MedsyngenError, match="doesn't start"):
        ReadingWorkers().map_one(reading_tasks.echo, 1)


def test_a_function_that_is_not_there_is_a_mistake_of_the_program(workers, monkeypatch):
    monkeypatch.setattr(reading_tasks.echo, "__qualname__", "nowhere")
    with pytest.raises(RuntimeError, match="nowhere"):
        list(workers.imap(reading_tasks.echo, [1]))


def test_only_functions_at_the_top_of_a_module(workers):
    with pytest.raises(TypeError):
        list(workers.imap(lambda value: value, [1]))


def test_processes_end_with_the_program():
    program = (
        "import os, sys\nfrom medsyngen.formats.reading_workers import ReadingWorkers\nimport reading_tasks\n"
        "workers = ReadingWorkers().__enter__()\n"
        "print(workers.map_one(reading_tasks.process, None), flush=True)\nos._exit(0)\n"
    )
    paths = os.pathsep.join(sys.path)
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": paths}, capture_output=True, check=True
    )
    number = int(done.stdout)
    deadline = time.monotonic() + 10
    while os.path.exists(f"/proc/{number}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{number}")
