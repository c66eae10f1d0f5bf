"""Twenty kills of the real `fit`, at every point and at random moments, five runs on one site's ledger.

    python -m tests.benchmarks.kills [--count N] [--seed S]

Stops at the first law that does not hold, naming the kill and the seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # kills.py and its parts, beside the tests

from kill_laws import ALWAYS, AT_THE_END
from kills import ANY_TIME, BEGINNING, ENDING, MOMENT, Job, Site, draw_kill, in_order

from medsyngen.randomness import Streams

A_RUN = 4
DECK = [*BEGINNING, *2 * ["charged", "line of a charge", "checkpoint"], "step", *4 * [MOMENT], *3 * [ANY_TIME], *ENDING]


def kills(count: int = 20, seed: int = 0) -> dict[str, object]:
    """Kills so many processes, four a run, lets every run finish, and checks every law after each process.

    Args:
        count: Kills that came before the end of their process.
        seed: Of the kinds' order and of the moments; public.

    Returns:
        Kills, runs, kills by kind, steps charged and run, laws, seconds.

    Raises:
        AssertionError: A law does not hold.
    """
    rng, begun = Streams(seed).numpy("kills"), time.perf_counter()
    waiting, landed, jobs = _deal(count, rng), [], []
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder)).build()
        while waiting and len(jobs) < count + A_RUN:
            now, waiting = in_order(waiting[:A_RUN]), waiting[A_RUN:]
            job = Job(site, f"run{len(jobs)}")
            jobs.append(job)
            for place, kind in enumerate(now):
                kill = draw_kill(kind, rng)
                came = job.start(kill)
                _say(f"{job.name}: {kill}: {'killed' if came else 'had finished, so again in another run'}")
                if not came:
                    waiting += now[place:]
                    break
                landed.append(kind)
            else:
                assert not job.start()
            _say(f"{job.name}: {job.figures()}")
        figures = [job.figures() for job in jobs]
    return {
        "kills": len(landed),
        "by_kind": {kind: landed.count(kind) for kind in dict.fromkeys(DECK) if kind in landed},
        "runs": len(jobs),
        **{name: sum(each[name] for each in figures) for name in figures[0]},
        "laws_checked_after_each_process": [*ALWAYS],
        "laws_checked_at_the_end_of_each_run": [*AT_THE_END],
        "laws_broken": 0,
        "seed": seed,
        "seconds": round(time.perf_counter() - begun),
    }


def _deal(count, rng):
    """Kinds by chance, all of them before any comes again."""
    kinds = []
    while len(kinds) < count:
        kinds += [DECK[i] for i in rng.permutation(len(DECK))]
    return kinds[:count]


def _say(text):
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(json.dumps(kills(options.count, options.seed), indent=1))


if __name__ == "__main__":
    main()
