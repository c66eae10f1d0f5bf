"""What per-patient gradients cost: every way side by side in one run, on the same images.

    python -m tests.benchmarks.step [--quick]

The plain step is one forward and one backward pass over the same images, without anybody's gradient apart. Each figure
is the least of a few repetitions taken in turn, so that a busy machine slows all ways alike; memory is the peak of a
process of its own.
"""

from __future__ import annotations

import argparse
import functools
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from medsyngen.diffusion.bands import StageBands
from medsyngen.diffusion.denoiser import network_error
from medsyngen.diffusion.schedule import NoiseLaw
from medsyngen.diffusion.unet import UNetSize, build_unet
from medsyngen.privacy.book_keeping import gradients_by_book_keeping
from medsyngen.privacy.patient_gradients import gradients_by_vmap
from medsyngen.synthesis.context_loss import ContextLoss
from tests.benchmarks.memory import peak_mb

NETWORKS = {"0.45 M": UNetSize(), "2 M": UNetSize(channels=(40, 72, 96))}
SIDES = (28, 64)
DRAWS = (4, 8, 16)
Way = Callable[[], Tensor | None]


def setting(
    network: str, side: int, draws: int, slots: int
) -> tuple[ContextLoss, dict[str, Tensor], dict[str, Tensor]]:
    """The recipe's loss, weights that are not zero, and one micro-batch of drawn tensors."""
    generator = torch.Generator().manual_seed(0)
    net = build_unet(NETWORKS[network], image_channels=1, class_rows=3, seed=0).eval().requires_grad_(False)
    weights = {n: p + 0.02 * torch.randn(p.shape, generator=generator) for n, p in net.named_parameters()}
    loss = ContextLoss(net, StageBands().split(side**2)[1], NoiseLaw(0.0, 1.2), 2, draws // 2)
    shape = (slots, draws, 1, side, side)
    drawn = {
        "y": torch.rand(shape, generator=generator) * 2 - 1,
        "classes": torch.randint(0, 3, (slots, draws), generator=generator),
        "sigma": torch.rand((slots, draws), generator=generator) + 0.1,
        "noise": torch.randn(shape, generator=generator),
    }
    return loss, weights, drawn


def flat(drawn: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.flatten(0, 1) for name, value in drawn.items()}


def plain(loss: ContextLoss, weights: dict[str, Tensor], drawn: dict[str, Tensor]) -> None:
    leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
    network_error(loss.network, leaves, **flat(drawn)).mean().backward()


def one_by_one(loss: ContextLoss, weights: dict[str, Tensor], drawn: dict[str, Tensor]) -> Tensor:
    rows = []
    for slot in range(len(drawn["sigma"])):
        leaves = {name: value.clone().requires_grad_() for name, value in weights.items()}
        network_error(loss.network, leaves, **{n: v[slot] for n, v in drawn.items()}).mean().backward()
        rows.append(torch.cat([value.grad.flatten() for value in leaves.values()]))
    return torch.stack(rows)


@functools.cache
def hooked(reduce: bool, slots: int) -> type:
    from opacus.grad_sample import GradSampleModule

    class Reduced(GradSampleModule):
        """Sums each parameter's per-image gradients over the draws of a patient as soon as they are there."""

        def capture_backprops_hook(self, module: Any, *rest: Any, **more: Any) -> None:
            super().capture_backprops_hook(module, *rest, **more)
            for parameter in module.parameters(recurse=False):
                found = parameter.grad_sample
                if found.shape[0] != slots:
                    parameter.grad_sample = found.view(slots, -1, *found.shape[1:]).sum(1)

    return Reduced if reduce else GradSampleModule


def opacus(loss: ContextLoss, weights: dict[str, Tensor], drawn: dict[str, Tensor], *, reduce: bool) -> Tensor:
    slots, draws = drawn["sigma"].shape
    net = loss.network
    with torch.no_grad():
        for name, value in net.named_parameters():
            value.copy_(weights[name])
    net.requires_grad_(True)
    wrapped = hooked(reduce, slots)(net, loss_reduction="sum").train()  # its hooks sleep in eval; no dropout here
    try:
        with_prefix = {f"_module.{name}": value for name, value in net.named_parameters()}
        (network_error(wrapped, with_prefix, **flat(drawn)).sum() / draws).backward()
        rows = [p.grad_sample.view(slots, -1, *p.shape).sum(1).flatten(1) for p in net.parameters()]
        return torch.cat(rows, dim=1)
    finally:
        for parameter in net.parameters():
            parameter.grad_sample = None
            parameter.grad = None
        wrapped.to_standard_module()
        net.requires_grad_(False)


WAYS: dict[str, Callable[[ContextLoss, dict[str, Tensor], dict[str, Tensor]], Tensor | None]] = {
    "plain": plain,
    "one by one": one_by_one,
    "vmap": gradients_by_vmap,
    "Opacus": functools.partial(opacus, reduce=False),
    "Opacus, reduced": functools.partial(opacus, reduce=True),
    "book-keeping": gradients_by_book_keeping,
}


def compare(network: str, side: int, draws: int, *, slots: int, repeats: int) -> dict[str, Any]:
    """Times every way, and holds its gradients against one backward pass per patient."""
    loss, weights, drawn = setting(network, side, draws, slots)
    truth = one_by_one(loss, weights, drawn).double()
    best, off = dict.fromkeys(WAYS, float("inf")), {}
    for name, way in WAYS.items():
        if name != "plain":
            error = way(loss, weights, drawn).double() - truth
            off[name] = float((error.norm(dim=1) / truth.norm(dim=1)).max())
    for _ in range(repeats):
        for name, way in WAYS.items():
            start = time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()
            way(loss, weights, drawn)
            end = time.process_time() if torch.get_num_threads() == 1 else time.perf_counter()
            best[name] = min(best[name], end - start)
    return {
        "network": network,
        "side": side,
        "draws": draws,
        "slots": slots,
        "plain_images_per_second": round(slots * draws / best["plain"], 1),
        "times_plain": {name: round(seconds / best["plain"], 3) for name, seconds in best.items()},
        "largest_relative_error": off,
    }


def peak(way: str, network: str, side: int, draws: int, patients: int) -> float:
    """Peak memory in MB of a process that sums that many patients' gradients, slots of 16, beyond an empty one."""
    words = (sys.executable, "-m", "tests.benchmarks.step", "--peak", way, network, str(side), str(draws))
    with_patients, without = (
        float(subprocess.run([*words, str(n)], capture_output=True, text=True, check=True).stdout)
        for n in (patients, 0)
    )
    return round(with_patients - without, 1)


def alone(way: str, network: str, side: int, draws: int, patients: int) -> float:
    total: Tensor | None = None
    loss, weights, drawn = setting(network, side, draws, 16)
    for _ in range(patients // 16):
        found = WAYS[way](loss, weights, drawn)
        if found is not None:
            total = found.double().sum(0) + (0.0 if total is None else total)
    return peak_mb()


def step(*, quick: bool = False, threads: int = 1) -> dict[str, Any]:
    """All settings; ``quick`` takes the smallest alone."""
    torch.set_num_threads(threads)
    networks, sides, draws = (("0.45 M",), (28,), (8,)) if quick else (tuple(NETWORKS), SIDES, DRAWS)
    rows = []
    for network in networks:
        for side in sides:
            for k in draws:
                slots = 16 // ((1 if side == 28 else 2) * (1 if network == "0.45 M" else 2))
                rows.append(compare(network, side, k, slots=slots, repeats=3))
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    ways = [name for name in WAYS if name != "plain"]
    memory = {name: {n: peak(name, "0.45 M", 28, 8, n) for n in (32, 512)} for name in ("book-keeping", "vmap")}
    memory |= {name: {32: peak(name, "0.45 M", 28, 8, 32)} for name in ways if name not in memory}
    clock = "processor time" if threads == 1 else "wall time"
    return {"threads": threads, "clock": clock, "rows": rows, "peak_mb_beyond_empty": memory}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--peak", nargs=5)
    options = parser.parse_args()
    if options.peak:
        way, network, side, draws, patients = options.peak
        torch.set_num_threads(1)
        print(alone(way, network, int(side), int(draws), int(patients)))
        return
    print(json.dumps(step(quick=options.quick, threads=options.threads), indent=1))


if __name__ == "__main__":
    main()
