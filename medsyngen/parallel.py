"""The processes of one job: ranks under torchrun, and what passes between them. Alone, everything is the identity.

Rank 0 leads: it talks with each other rank, and those talk with nobody else. What passes is bytes in frames and
float64 sums, over torch.distributed's gloo, on the CPU: one vector a step, beside which a step's arithmetic is long.
Sums are added in the order of ranks, so that the same shares give the same bits.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributed import Work

PATIENCE = timedelta(hours=24)
"""How long a rank waits for another that is alive: rank 0 may be training on phantoms. A dead one is noticed at once,
because its connections are closed."""

FAREWELL = timedelta(seconds=10)
"""How long rank 0 waits for the others to hear how the job ended."""

_GO, _END = b"go", b"end"


class RankEnded(RuntimeError):
    """Another process of this job has ended, or can't be reached.

    Args:
        rank: Which.
        facts: ``exit_code``, ``what``, ``do``, ``details`` as it told; nothing private is in them.
    """

    def __init__(self, rank: int, facts: Mapping[str, Any]) -> None:
        super().__init__(f"rank {rank} ended with {facts['exit_code']}")
        self.rank = rank
        self.exit_code: int = facts["exit_code"]
        self.what: str = facts["what"]
        self.do: str = facts["do"]
        self.details: tuple[str, ...] = tuple(facts["details"])


class Ranks:
    """This process among those of its job.

    Args:
        rank: 0 leads.
        count: Processes in the job.
        local: Number of this process on its machine.
        patience: See :data:`PATIENCE`.
    """

    def __init__(self, rank: int = 0, count: int = 1, local: int = 0, patience: timedelta = PATIENCE) -> None:
        self.rank, self.count, self._local, self._patience = rank, count, local, patience
        self._gone: set[int] = set()

    @property
    def first(self) -> bool:
        """Whether this process leads: it alone holds keys, ledger and files."""
        return self.rank == 0

    @property
    def others(self) -> range:
        """Every rank but the first."""
        return range(1, self.count)

    def device(self, name: str) -> str:
        """Returns the device of this rank: GPUs are dealt in turn where the name leaves the choice."""
        if self.count == 1 or name not in ("auto", "cuda"):
            return name
        import torch

        found = torch.cuda.device_count()
        return f"cuda:{self._local % found}" if found else name

    def send(self, rank: int, *parts: bytes) -> None:
        """Sends a frame; returns when the other rank has taken it.

        Raises:
            RankEnded: It is dead, or did not take it in time.
        """
        self._send(rank, (_GO, *parts), self._patience)

    def receive(self, rank: int) -> list[bytes]:
        """Returns the parts of the next frame of a rank.

        Raises:
            RankEnded: It has ended, with or without saying so, or said nothing in time.
        """
        with self._reaching(rank):
            data = self._take(rank, int.from_bytes(self._take(rank, 8), "little"))
        kind, *parts = _parts(data)
        if kind == _END:
            self._gone.add(rank)
            raise RankEnded(rank, json.loads(parts[0]))
        return parts

    def wait_for_the_end(self) -> NoReturn:
        """Waits, on another rank, until rank 0 has ended: for work in which the others have no part.

        Raises:
            RankEnded: It has.
        """
        while True:
            self.receive(0)

    def total(self, own: Tensor) -> Tensor:
        """Returns the sum over all ranks on rank 0, in the order of ranks; elsewhere sends ``own`` there.

        Args:
            own: This rank's part, on any device; float64 by those who need every bit.

        Raises:
            RankEnded: A rank ended before it gave its part.
        """
        import torch

        if not self.first:
            self.send(0, tensor_bytes(own))
            return own
        total = own
        for rank in self.others:
            (data,) = self.receive(rank)
            total = total + torch.frombuffer(bytearray(data), dtype=own.dtype).to(own.device).view_as(own)
        return total

    def leave(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Tells the others how this rank ended: rank 0 all of them, each of them rank 0. For ``ExitStack.push``."""
        if kind is None and not self.first:
            return
        # From here on this process ends by itself: torchrun, which ends all when one has failed, must not take its
        # exit code away.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        facts = json.dumps(_facts(error)).encode()
        for rank in set(self.others if self.first else [0]) - self._gone:
            with suppress(RankEnded):
                self._send(rank, (_END, facts), FAREWELL if self.first else self._patience)

    def _send(self, rank: int, parts: tuple[bytes, ...], patience: timedelta) -> None:
        import torch
        import torch.distributed as dist

        data = _frame(parts)
        with self._reaching(rank):
            for each in (len(data).to_bytes(8, "little"), data):
                _finish(dist.isend(torch.frombuffer(bytearray(each), dtype=torch.uint8), rank), patience)

    def _take(self, rank: int, length: int) -> bytes:
        import torch
        import torch.distributed as dist

        data = torch.empty(length, dtype=torch.uint8)
        _finish(dist.irecv(data, rank), self._patience)
        return data.numpy().tobytes()

    @contextmanager
    def _reaching(self, rank: int) -> Iterator[None]:
        try:
            yield
        except RuntimeError as error:  # gloo: the connection is closed, or nothing came in time
            self._gone.add(rank)
            what = "it was killed, lost its machine, or did not answer in time"
            raise RankEnded(rank, {"exit_code": 1, "what": what, "do": "", "details": []}) from error


ALONE = Ranks()
"""One process: the usual case."""


def rank_here() -> int:
    """Returns the rank that torchrun gave this process; 0 without torchrun."""
    return int(os.environ["RANK"]) if _under_torchrun() else 0


@contextmanager
def joined(patience: timedelta = PATIENCE) -> Iterator[Ranks]:
    """Yields the ranks of the job that torchrun made; :data:`ALONE` without it, and nothing else happens then.

    Whatever ends a rank is told to the others, so that all end, with one exit code where rank 0 was the cause.
    """
    if not _under_torchrun():
        yield ALONE
        return
    import torch.distributed as dist

    if os.environ["WORLD_SIZE"] == os.environ["LOCAL_WORLD_SIZE"] and sys.platform == "linux":
        # Private records pass between the ranks, so that on one machine they never reach a network.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    dist.init_process_group("gloo", timeout=patience)
    with ExitStack() as ending:
        ending.callback(dist.destroy_process_group)
        if rank_here() == 0:
            # torchrun ends all when one has failed, often before this one has noticed: it still says how to go on.
            signal.signal(signal.SIGTERM, signal.default_int_handler)
        ranks = Ranks(dist.get_rank(), dist.get_world_size(), int(os.environ["LOCAL_RANK"]), patience)
        ending.push(ranks.leave)
        yield ranks


def tensor_bytes(tensor: Tensor) -> bytes:
    """Returns the values of a tensor, as they lie in memory."""
    return tensor.detach().cpu().contiguous().numpy().tobytes()


def _finish(work: Work | None, patience: timedelta) -> None:
    if work is None:
        raise ValueError("a process outside the job can't talk with its ranks")
    work.wait(patience)


def _under_torchrun() -> bool:
    return "TORCHELASTIC_RUN_ID" in os.environ and int(os.environ["WORLD_SIZE"]) > 1


def _frame(parts: tuple[bytes, ...]) -> bytes:
    return struct.pack(f"<{len(parts) + 1}q", len(parts), *map(len, parts)) + b"".join(parts)


def _parts(data: bytes) -> list[bytes]:
    (count,) = struct.unpack_from("<q", data)
    lengths = struct.unpack_from(f"<{count}q", data, 8)
    parts, at = [], 8 * (count + 1)
    for length in lengths:
        parts.append(data[at : at + length])
        at += length
    return parts


def _facts(error: BaseException | None) -> dict[str, Any]:
    """What may be told of an error: its own words only if they were written for people, which name no patient."""
    code = getattr(error, "exit_code", getattr(error, "code", None))
    if not isinstance(code, int):
        code = 130 if isinstance(error, KeyboardInterrupt) else int(error is not None)
    what = getattr(error, "what", f"internal error: {type(error).__name__}")
    details = list(getattr(error, "details", ()))
    return {"exit_code": code, "what": what, "do": getattr(error, "do", ""), "details": details}
