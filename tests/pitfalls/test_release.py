"""Pitfalls of what leaves: a release that looks at private pixels, a report that measures them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from fits import fitted, hospital
from watched import fresh, judge

from medsyngen.errors import ReleaseRefused
from medsyngen.evaluation.fidelity import kernel_distance
from medsyngen.pipeline import export, reports
from medsyngen.pipeline.export import export_cohort
from medsyngen.pipeline.generator_file import load_generator
from medsyngen.pipeline.reports import write_report
from medsyngen.pipeline.run_folder import RunFolder
from medsyngen.release.gate import ReleaseGate

COUNT = 6
Inside = tuple[Path, Path]
"""RUN and SCANS, as they lie inside."""


@pytest.fixture(scope="module")
def worlds(tmp_path_factory) -> dict[str, Inside]:
    """One generator file, and scans that differ arbitrarily: others, the very pictures that it draws, none."""
    folder = tmp_path_factory.mktemp("release")
    run = fitted(folder, hospital(folder / "scans.npz"))
    made = {}
    for number, name in enumerate(("as it was", "all that it draws", "other scans", "no scans")):
        place = folder / name
        shutil.copytree(run, place / "run")
        made[name] = (place / "run", hospital(place / "scans.npz", seed=number))
    run, scans = made["all that it draws"]
    drawn = draws_of(run)
    images = np.round((drawn.reshape(COUNT, 8, 8) + 1) * 2047.5).astype(np.uint16)
    np.savez(scans, images=images, patient_id=[f"PATIENT-{i:02d}" for i in range(COUNT)], label=["0"] * COUNT)
    for name in ("other scans", "no scans"):
        inside = made[name][0] / "private"
        (inside / "reading.json").write_text(json.dumps({"patients": 1}))
        (inside / "pixels.npy").write_bytes(np.random.default_rng(0).bytes(4096))
    made["no scans"][1].unlink()
    (made["no scans"][0] / "private" / "reading.json").unlink()
    return made


def draws_of(run: Path) -> np.ndarray:
    folder = RunFolder(run)
    return load_generator(folder, folder.recipe(), export.choose_device("cpu"))[0].draw(COUNT).pixels


def private_pixels(scans: Path) -> np.ndarray:
    """The scans as training sees them, between -1 and 1; none if there are no scans."""
    if not scans.exists():
        return np.zeros((0, 64))
    with np.load(scans) as arrays:
        return arrays["images"][:, :8, :8].reshape(-1, 64) / 2047.5 - 1


def nearest(pixels: np.ndarray, scans: Path) -> np.ndarray:
    """Mean distance of each picture from the private scan that is nearest to it."""
    private = private_pixels(scans)
    if not len(private):
        return np.full(len(pixels), np.inf)
    return np.abs(pixels.reshape(len(pixels), 1, 64) - private).mean(2).min(1)


# --- a release that stops or passes on private pixels


def law_of_the_gate(release: Callable[[Path, Path, Path], object], worlds: dict[str, Inside], folder: Path) -> None:
    """Passed or refused, with which words, what files and what pictures: the same whatever the scans are."""
    usual = None
    for name, inside in worlds.items():
        found = outcome(release, *inside, fresh(folder) / "cohort")
        usual = usual or found
        assert found == usual, name


def outcome(release, run: Path, scans: Path, out: Path) -> list:
    try:
        release(run, scans, out)
    except ReleaseRefused as refused:
        return [refused.what, refused.do, *refused.details]
    manifest = json.loads((out / "manifest.json").read_text())
    pictures = [path.read_bytes() for path in sorted((out / "png").iterdir())]
    return [manifest["gate"], sorted(manifest["files"]), (out / "privacy_report.json").read_bytes(), pictures]


def as_shipped(run: Path, scans: Path, out: Path) -> None:
    export_cohort(run, out=out, count=COUNT, formats=("png",), device="cpu")


def refuses_copies(run: Path, scans: Path, out: Path) -> None:
    """A check against the patients' own pictures, for safety."""

    class Gate(ReleaseGate):
        def review(self, draft, **facts):
            if (nearest(draws_of(run), scans) < 0.01).any():
                raise ReleaseRefused("a picture is too near to a scan", do="draw others")
            return super().review(draft, **facts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "ReleaseGate", Gate)
        as_shipped(run, scans, out)


def leaves_out_copies(run: Path, scans: Path, out: Path) -> None:
    """Draws too many and keeps those that are far enough from every patient."""

    def far_enough(generator, count, ranks, **more):
        draws = generator.draw(3 * count, **more)
        kept = np.flatnonzero(nearest(draws.pixels, scans) >= 0.01)[:count]
        yield replace(draws, pixels=draws.pixels[kept], classes=tuple(draws.classes[i] for i in kept))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "drawn_by_all", far_enough)
        as_shipped(run, scans, out)


GATES = {"refuses near copies": refuses_copies, "leaves out near copies": leaves_out_copies}


def test_a_release_that_stops_or_passes_on_private_pixels(worlds, tmp_path):
    assert (nearest(draws_of(worlds["as it was"][0]), worlds["all that it draws"][1]) < 0.01).all()
    judge(lambda release: law_of_the_gate(release, worlds, tmp_path), as_shipped, GATES)


# --- FID on private data in the release


def law_of_the_report(report: Callable[[Path, Path], bytes], worlds: dict[str, Inside]) -> None:
    """Report and its data: the same bytes whatever the scans are."""
    usual = None
    for name, inside in worlds.items():
        found = report(*inside)
        usual = usual or found
        assert found == usual, name


def report_as_shipped(run: Path, scans: Path) -> bytes:
    return b"".join(path.read_bytes() for path in write_report(run))


def with_quality(measure: Callable[[Path, Path], float]) -> Callable[[Path, Path], bytes]:
    """A report with a figure of quality in it, rounded to two digits."""

    def report(run: Path, scans: Path) -> bytes:
        real = reports.report_json_bytes
        figure = {"quality": float(f"{measure(run, scans):.2g}")} if scans.exists() else {}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                reports, "report_json_bytes", lambda said: json.dumps({**json.loads(real(said)), **figure}).encode()
            )
            patch.setattr(reports, "render_html", lambda said, digest: f"{digest} {figure}".encode())
            return report_as_shipped(run, scans)

    return report


def distance(run: Path, scans: Path) -> float:
    return kernel_distance(draws_of(run).reshape(COUNT, 64), private_pixels(scans))


def nearest_of_all(run: Path, scans: Path) -> float:
    return float(nearest(draws_of(run), scans).min())


QUALITIES = {"distance from the scans": with_quality(distance), "nearest scan": with_quality(nearest_of_all)}


@pytest.mark.slow
def test_fid_on_private_data_in_the_release(worlds):
    pairs = {name: worlds[name] for name in ("as it was", "all that it draws", "no scans")}
    judge(partial(law_of_the_report, worlds=pairs), report_as_shipped, QUALITIES)
