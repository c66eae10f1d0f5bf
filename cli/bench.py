"""``medsyngen bench``: scores anybody's synthetic images by the open benchmark's protocol."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .console import Console
from .options import JsonOption

if TYPE_CHECKING:
    from medsyngen.evaluation.claims import Claim
    from medsyngen.evaluation.tasks import Task

app = typer.Typer(help="The open benchmark.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _bench() -> None:
    """Keeps `score` a word of its own while it is the only one."""


@app.command()
def score(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER",
            help="Synthetic images: a medsyngen cohort with png/, a folder of PNG files for each class, or one .npz "
            "with `images` and `label`.",
        ),
    ],
    task: Annotated[str, typer.Option("--task", metavar="NAME", help="cxr-kermany or cxr-nih.")],
    epsilon: Annotated[
        float,
        typer.Option("--epsilon", metavar="E", help="ε per patient, as claimed at the task's δ; inf: not private."),
    ],
    private_npz: Annotated[
        Path | None, typer.Option("--private-npz", metavar="FILE", help="The task's set, where it is one .npz.")
    ] = None,
    private: Annotated[
        Path | None, typer.Option("--private", metavar="FOLDER", help="The task's set, where it is a folder of DICOM.")
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option(
            "--events",
            metavar="FILE",
            help="privacy_report.json, or JSON of events: ε is recomputed and held against the claim.",
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", metavar="TEXT", help="What the table calls it; else the folder's name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="The JSON row to write; replaced if it is there.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Scores synthetic images against a task of the open benchmark, by its protocol.

    It reads the task's private and test patients: a look. The row holds exact figures of them, so it stays inside
    unless the set is public, as the tasks' sets are; each look at a set that claims are made on is to be listed.
    """
    from medsyngen.evaluation.benchmark import score as scored
    from medsyngen.evaluation.real_images import read_split, real_images
    from medsyngen.evaluation.submission import read_submission
    from medsyngen.evaluation.tasks import find_task

    console = Console(machine=json)
    chosen = find_task(task)
    scans = _scans(chosen, private_npz, private)
    _check_out(out)
    claim = _claim(chosen, epsilon, events)  # before minutes of work
    console.say(
        f"This reads private scans of {chosen.name}: a look. What it prints stays inside, unless the set is public; "
        "list the look beside what is claimed on the set."
    )
    with console.progress() as progress:
        submission = read_submission(folder, chosen, progress=progress)
        real = real_images(chosen, read_split(chosen, scans, progress=progress))
        row = scored(submission, real, chosen, claim, name=name or folder.resolve().name, progress=progress)
    console.result(row)
    _tell(console, row)
    if out is not None:
        _write(out, row)
        console.say(f"written: {out}")


def _scans(task: Task, npz: Path | None, folder: Path | None) -> Path:
    from medsyngen.errors import UsageError

    wanted, other = (npz, folder) if task.source == "npz" else (folder, npz)
    if wanted is None or other is not None:
        option = "--private-npz FILE" if task.source == "npz" else "--private FOLDER"
        raise UsageError(
            f"{task.name} needs its set as {option}" + (", and nothing else" if other is not None else ""),
            do=f"give {option}: the set that docs/benchmarks/protocol.md describes",
        )
    return wanted


def _claim(task: Task, epsilon: float, events: Path | None) -> Claim:
    from medsyngen.evaluation.claims import check_claim, read_events, read_json
    from medsyngen.report.build import check_report

    found = None
    if events is not None:
        document = read_json(events)
        if isinstance(document, dict) and document.get("kind") == "medsyngen privacy report":
            check_report(document)
        found = read_events(document, unit=task.unit)
    return check_claim(epsilon, found, delta=task.delta, unit=task.unit)


def _check_out(out: Path | None) -> None:
    from medsyngen.errors import UsageError

    if out is not None and (out.is_dir() or not out.absolute().parent.is_dir()):
        raise UsageError("--out can't be written: it is a folder, or its folder is not there", do="name a file")


def _write(out: Path, row: dict[str, Any]) -> None:
    import json

    from medsyngen.errors import UsageError

    try:
        out.write_text(json.dumps(row, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out can't be written: {error.strerror}", do="name a file that can be written") from error


def _tell(console: Console, row: dict[str, Any]) -> None:
    task, images, privacy = row["task"], row["images"], row["privacy"]
    scored = ", ".join(f"{count} {name}" for name, count in images["scored"].items())
    console.say(f"{row['name']} on {task['name']}, protocol {row['protocol_version']}: {scored}")
    if not images["complete"]:
        console.say("Fewer images than the protocol asks for: not for the table.")
    console.say(_privacy_line(privacy))
    console.table(("", "synthetic", "real: the floor, or TRTR"), [*_fidelity_rows(row), *_utility_rows(row)])
    if row["fidelity"]["fd"]["refused"]:
        console.say(f"FD is left out: {row['fidelity']['fd']['refused']}.")
    console.say("Brackets: 95 % intervals over patients (and seeds). KID is times 1000; low is good, also for MS-SSIM.")


def _privacy_line(privacy: dict[str, Any]) -> str:
    from medsyngen.privacy.budget import shown

    at = f"at δ = {shown(privacy['delta'])} per {privacy['unit']}"
    if privacy["epsilon_claimed"] is None:
        return f"NOT PRIVATE: no ε is claimed {at}"
    found = privacy["epsilon_of_events"]
    proof = "" if found is None else f": ε = {shown(found)}"
    return f"claimed: ε = {privacy['epsilon_claimed']:g} {at}; {privacy['status']}{proof}"


def _fidelity_rows(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    found = row["fidelity"]
    distances, fd, manifold = found["kid_x1000"], found["fd"], found["manifold"]
    rows = [
        ("KID to test patients", _spell(distances["to_test"], 1), _spell(distances["to_test_floor"], 1)),
        ("KID to private patients", _spell(distances["to_private"], 1), _spell(distances["to_private_floor"], 1)),
    ]
    if fd["refused"] is None:
        rows.append(("FD to private patients", f"{fd['synthetic']:.1f}", f"{fd['floor']:.1f}"))
    if manifold["synthetic"] is not None:
        rows += [
            (what, f"{manifold['synthetic'][what]:.3f}", f"{manifold['floor'][what]:.3f}")
            for what in ("precision", "recall")
        ]
    rows.append(("MS-SSIM within a class", f"{found['ms_ssim']['synthetic']:.3f}", f"{found['ms_ssim']['real']:.3f}"))
    spectrum = found["spectrum_db"]
    return [*rows, ("spectrum, dB off", f"{spectrum['synthetic']:.2f}", f"{spectrum['floor']:.2f}")]


def _utility_rows(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    tstr, trtr = row["utility"]["tstr"], row["utility"]["trtr"]
    rows = [
        (f"{words}, mean of all classifiers", _spell(tstr[figure], 3), _spell(trtr[figure], 3))
        for figure, words in (("auc", "AUC"), ("accuracy", "accuracy"), ("balanced_accuracy", "balanced accuracy"))
    ]
    return rows + [
        (f"AUC, {name}", _spell(figures["auc"], 3), _spell(trtr["classifiers"][name]["auc"], 3))
        for name, figures in tstr["classifiers"].items()
    ]


def _spell(interval: dict[str, float], digits: int) -> str:
    value, low, high = (f"{interval[end]:.{digits}f}" for end in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"
