"""The release gate: reads every written byte again, and makes a Release of a draft, or refuses it.

It fails closed: a check that can't read, or breaks, has not passed. It is the one place that makes a
:class:`Release`, and nothing else can be published.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from medsyngen.errors import ReleaseRefused
from medsyngen.progress import Progress, silent
from medsyngen.release.bundle_draft import BundleDraft
from medsyngen.release.check_bundle import check_bundle_tree
from medsyngen.release.check_list import FILE_CHECKS, Reviewed, bundle_checks
from medsyngen.release.check_tree import Tree, check_tree, read_bytes, walk
from medsyngen.release.check_validators import check_validators
from medsyngen.release.checks import (
    CANT_CHECK,
    RULES,
    FileCheck,
    GuaranteeFacts,
    Problem,
    Verdict,
    check_budget,
    check_noise,
    check_unit,
)
from medsyngen.release.draft import Draft
from medsyngen.release.names import image_number
from medsyngen.release.validators import VALIDATORS, Validator

_SEAL = object()


@dataclass(frozen=True)
class Written:
    """A file as the gate read it.

    Args:
        sha256: Of its bytes, hexadecimal.
        size: In bytes.
    """

    sha256: str
    size: int


@dataclass(frozen=True)
class Release:
    """A draft that passed every check of the gate. Only :meth:`ReleaseGate.review` makes one.

    Args:
        folder: Where it still lies hidden.
        files: Every file by its path relative to the folder, as the gate read it.
        verdicts: What was checked; all passed.
        guarantee: ε, δ and unit of what is released.
        kind: ``cohort``, or ``bundle``: the generator itself.
    """

    folder: Path = field(repr=False)
    files: Mapping[str, Written] = field(repr=False)
    verdicts: tuple[Verdict, ...]
    guarantee: GuaranteeFacts
    seal: object = field(default=None, repr=False)
    kind: str = "cohort"

    def __post_init__(self) -> None:
        if self.seal is not _SEAL or not all(verdict.passed for verdict in self.verdicts):
            raise TypeError("only the release gate makes a Release")


def _guarded(what: str, look: Callable[[], Iterable[Problem]]) -> list[Problem]:
    try:
        return list(look())
    except CANT_CHECK as error:
        # The error's own words may hold bytes of the file or a path; its kind says enough.
        return [
            Problem(f"{what} can't be checked ({type(error).__name__})", "export again, and report it if it returns")
        ]


def _read_all(
    folder: Path, tree: Tree, checks: Sequence[FileCheck], progress: Progress
) -> tuple[dict[str, Written], list[Verdict]]:
    found: dict[str, list[Problem]] = {check.name: [] for check in checks}
    files: dict[str, Written] = {}
    unreadable: list[Problem] = []
    for done, file in enumerate(tree.files, start=1):
        number = image_number(file)
        what = f"picture {number}" if number else "a file that is not a picture"
        try:
            data = read_bytes(folder, file)
        except OSError:
            unreadable.append(
                Problem(f"{what} can't be read", "look at the permissions and the disk, then export again")
            )
            continue
        files[file] = Written(hashlib.sha256(data).hexdigest(), len(data))
        for check in checks:
            found[check.name] += _guarded(what, lambda: check.look(file, data))  # noqa: B023 - called at once
        progress("release gate", done, len(tree.files))
    verdicts = [Verdict("bytes", "every file, from the disk", tuple(unreadable), RULES["bytes"])]
    for check in checks:
        problems = (*found[check.name], *_guarded("the cohort as a whole", check.finish))
        verdicts.append(Verdict(check.name, check.read, problems, check.rules))
    return files, verdicts


def _refusal(verdicts: Sequence[Verdict]) -> ReleaseRefused:
    failed = [(verdict.check, problem) for verdict in verdicts for problem in verdict.problems]
    details = [f"{check}: {problem.reason}; {problem.do}" for check, problem in failed]
    incidents = [problem for _, problem in failed if problem.incident]
    if incidents:
        what = "incident: the cohort holds a source identifier; nothing of this run is exported"
        return ReleaseRefused(what, do=incidents[0].do, details=details)
    checks = ", ".join(dict.fromkeys(check for check, _ in failed))
    what = f"the release gate refused this cohort ({checks}); nothing was exported"
    return ReleaseRefused(what, do="mend every reason below, then export again", details=details)


@dataclass(frozen=True)
class ReleaseGate:
    """What a cohort must satisfy to leave; public numbers only.

    Args:
        epsilon_budget: The largest ε that may have been spent.
        delta: The largest δ at which that ε may hold.
        validators: Programs of others that are asked, too, where they are on this machine.
    """

    epsilon_budget: float
    delta: float
    validators: tuple[Validator, ...] = VALIDATORS

    def review(
        self,
        draft: Draft,
        *,
        guarantee: GuaranteeFacts,
        identifiers: frozenset[str] | None,
        public_texts: Sequence[str] = (),
        progress: Progress = silent,
    ) -> Release:
        """Checks the facts, then every byte under the draft's folder, and returns the release.

        Guarantee: reads no scan. Apart from the identifiers, which can only be found if there is a bug, everything
        that it decides on is public or already released by the mechanism.

        Args:
            draft: What was written.
            guarantee: What ledger and generator say.
            identifiers: Every identifier of the source, from the run's private folder; None if there is no list. Where
                no scan was read there is no source, and the list is empty.
            public_texts: The recipe, the report's templates and the privacy sentence: texts known without the scans.
            progress: Told after every file.

        Raises:
            ReleaseRefused: With every reason, and what to do about each.
        """
        reviewed = Reviewed(draft, guarantee, identifiers, tuple(public_texts))
        return self._reviewed(
            draft.folder,
            guarantee,
            lambda tree: check_tree(tree, draft),
            lambda: [make(reviewed) for make in FILE_CHECKS],
            lambda files: check_validators(draft.folder, files, self.validators),
            progress,
        )

    def review_bundle(
        self,
        draft: BundleDraft,
        *,
        guarantee: GuaranteeFacts,
        identifiers: frozenset[str] | None,
        public_texts: Sequence[str] = (),
        progress: Progress = silent,
    ) -> Release:
        """Checks a bundle as :meth:`review` checks a cohort; the same rules of budget, unit, noise and identifiers."""
        return self._reviewed(
            draft.folder,
            guarantee,
            lambda tree: check_bundle_tree(tree, draft),
            lambda: bundle_checks(draft, guarantee, identifiers, public_texts),
            lambda files: [],
            progress,
            kind="bundle",
        )

    def _reviewed(
        self,
        folder: Path,
        guarantee: GuaranteeFacts,
        of_tree: Callable[[Tree], Verdict],
        make_checks: Callable[[], list[FileCheck]],
        of_others: Callable[[Sequence[str]], list[Verdict]],
        progress: Progress,
        kind: str = "cohort",
    ) -> Release:
        facts = [
            check_budget(guarantee, epsilon_budget=self.epsilon_budget, delta=self.delta),
            check_unit(guarantee),
            check_noise(guarantee),
        ]
        try:
            tree = walk(folder)
            facts.append(of_tree(tree))
            checks = make_checks()
        except CANT_CHECK as error:
            reason = f"the draft can't be read ({type(error).__name__})"
            problem = Problem(reason, "look at the disk, then export again")
            raise _refusal([*facts, Verdict("files", "own walk over the folder", (problem,))]) from None
        files, verdicts = _read_all(folder, tree, checks, progress)
        verdicts = [*facts, *verdicts]
        if all(verdict.passed for verdict in verdicts):  # what our own checks refuse, nobody else is asked about
            verdicts += of_others(tree.files)
        if not all(verdict.passed for verdict in verdicts):
            raise _refusal(verdicts)
        return Release(folder, files, tuple(verdicts), guarantee, _SEAL, kind)
