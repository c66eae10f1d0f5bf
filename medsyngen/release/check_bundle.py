"""Checks of a bundle: its files are the ones that there should be, its texts follow from public facts to the letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from medsyngen.release.bundle_draft import BundleDraft
from medsyngen.release.bundle_texts import WEIGHTS, bundle_texts
from medsyngen.release.check_tree import Tree
from medsyngen.release.checks import RULES, Problem, Verdict
from medsyngen.release.names import parents

_DO = "export again; if it comes back, report it as a bug in medsyngen"
_REPORT: Final = frozenset(("privacy_report.html", "privacy_report.json"))


def check_bundle_tree(tree: Tree, draft: BundleDraft) -> Verdict:
    """Refuses links, unlisted and missing files: a bundle always holds the same ones."""
    wanted = {*bundle_texts(draft.facts), WEIGHTS, *_REPORT}
    wrong = {
        "things that are neither file nor folder, or linked from elsewhere": tree.strange,
        "folders that don't belong there": len(set(tree.folders) ^ parents(sorted(wanted))),
        "files that don't belong there": len(set(tree.files) - wanted),
        "files that are missing": len(wanted - set(tree.files)),
        "files that the export did not list": len(set(tree.files) ^ set(draft.files)),
    }
    problems = tuple(Problem(f"{number} × {what}", _DO) for what, number in wrong.items() if number)
    return Verdict("files", "own walk over the folder", problems, RULES["files"])


class BundleTextCheck:
    """Makes every text once more from public facts and compares.

    Args:
        draft: What the writer says that it wrote: the facts, not the files.
    """

    name = "bundle texts"
    read = "metadata, inference config, README and licence, byte by byte"
    rules: tuple[str, ...] = ("G2", "G5", "G7")

    def __init__(self, draft: BundleDraft) -> None:
        self._texts = bundle_texts(draft.facts)

    def look(self, file: str, data: bytes) -> Iterator[Problem]:
        """Reads one text; leaves all other files."""
        if file in self._texts and data != self._texts[file]:
            yield Problem(f"{file} says something else than the recipe and the privacy sentence", _DO)

    def finish(self) -> tuple[Problem, ...]:
        """Has nothing to add: a text that is missing is found by the walk over the folder."""
        return ()
