"""Labels of scans, and the public classes that a recipe makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from medsyngen.cohort.tables import posix_path, read_rows
from medsyngen.errors import InputUnusable, UsageError
from medsyngen.formats.archive import SEPARATOR, members
from medsyngen.formats.refusal import ScanRefused

LABEL = "label"
"""The column that the recipe's ``classes`` are read from."""
_NAME = "labels.csv"
_DO = "give it the column `label` and `patient_id` or `path` (relative to SCANS), one label for each"


@dataclass(frozen=True)
class ClassDefinition:
    """One class of the recipe: public, chosen without looking at the labels' counts.

    Args:
        name: What the synthetic cohort calls it.
        label: The text of the label file, or of the ``label`` array of an ``.npz``, that means this class.
        share: Share of the synthetic cohort, in (0, 1].
    """

    name: str
    label: str
    share: float

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.label.strip():
            raise UsageError("a class needs a name and a label", do="name each class and the label text that means it")
        if not 0.0 < self.share <= 1.0:
            raise UsageError(f"the share of class {self.name!r} is {self.share}", do="give a share above 0, at most 1")


def check_classes(classes: Sequence[ClassDefinition]) -> None:
    """Checks the classes of a recipe together.

    Raises:
        UsageError: If two share a name or a label, or the shares don't add up to 1.
    """
    for what, values in (("name", [c.name for c in classes]), ("label", [c.label.strip() for c in classes])):
        if len(set(values)) != len(values):
            raise UsageError(f"two classes have the same {what}", do=f"give each class its own {what}")
    if classes and abs(sum(c.share for c in classes) - 1.0) > 1e-6:
        raise UsageError("the shares of the classes don't add up to 1", do="make them add up to 1")


def class_index(label: str | None, classes: Sequence[ClassDefinition]) -> int:
    """Returns the class of a label: a public rule on one scan alone.

    Args:
        label: As written, or None.
        classes: The recipe's.

    Returns:
        The position of the class whose label text is equal; ``len(classes)``, the null class, for any other or none.
    """
    if label is None:
        return len(classes)
    return next((i for i, known in enumerate(classes) if known.label.strip() == label.strip()), len(classes))


@dataclass(frozen=True)
class LabelTable:
    """Labels by scan and by patient.

    Args:
        by_path: Path relative to SCANS, or ``file.npz#12``, to label.
        by_patient: Patient ID (after the patient map) to label.
        rows: Every row of the file, for its other columns.
    """

    by_path: Mapping[str, str] = field(default_factory=dict, repr=False)
    by_patient: Mapping[str, str] = field(default_factory=dict, repr=False)
    rows: Sequence[Mapping[str, str]] = field(default=(), repr=False)

    @classmethod
    def read(cls, path: Path, *, below: str = "") -> LabelTable:
        """Reads a label file; a row that names a path is about that scan, any other about all scans of its patient.

        Args:
            path: The file.
            below: What comes before its paths to make them relative to SCANS: an archive, for a table inside it.

        The column ``label`` may be left out if the recipe's conditions name other ones, or if it has none and the file
        only says whose each path is.

        Raises:
            InputUnusable: If its columns are others, or one scan or patient has two labels.
        """
        rows = read_rows(path, "label file")
        if below:
            rows = [{**row, "path": below + posix_path(row["path"])} if row.get("path") else row for row in rows]
        columns = set(rows[0]) if rows else set()
        keys = columns & {"path", "patient_id"}
        if not keys or (columns == keys and len(keys) < 2):
            raise InputUnusable("the label file has no rows or other columns than expected", do=_DO)
        return cls(*_by_key(rows, LABEL), rows)

    def of_column(self, column: str) -> LabelTable | None:
        """Returns the labels of one column; None where the file has no such column.

        In all columns but ``label`` an empty cell says nothing: another row, or the header, may.

        Raises:
            InputUnusable: If one scan or patient has two labels in it.
        """
        if column == LABEL:
            return None if self.rows and LABEL not in self.rows[0] else self
        return LabelTable(*_by_key(self.rows, column)) if self.rows and column in self.rows[0] else None

    def find(self, locator: str, patient_id: str, parts: Sequence[str] = ()) -> str | None:
        """Returns the label of a scan, or None; a label by path goes before one by patient.

        A volume of several files is named by any of its files, or by the folder that they lie in. Two labels for
        its files say nothing of the volume.

        Args:
            locator: Path relative to SCANS.
            patient_id: After the patient map.
            parts: The locators of a volume's files.
        """
        said = {self.by_path[each] for each in (locator, *parts) if each in self.by_path}
        if len(said) > 1:
            return None
        folder = self.by_path.get(PurePosixPath(locator).parent.as_posix()) if parts else None
        for label in (*said, folder):
            if label is not None:
                return label
        return self.by_patient.get(patient_id)

    @property
    def owners(self) -> Mapping[str, str]:
        """Patient IDs by path, of the rows that name both: for files that carry none themselves.

        Raises:
            InputUnusable: If one scan is given two patients.
        """
        owners: dict[str, str] = {}
        bad = []
        for number, row in enumerate(self.rows, start=2):
            path, patient = row.get("path", ""), row.get("patient_id", "")
            if path and patient and owners.setdefault(posix_path(path), patient) != patient:
                bad.append(f"row {number}")
        if bad:
            raise InputUnusable("the label file gives two patients to one scan", do=_DO, details=bad)
        return owners

    def identifiers(self) -> list[str]:
        """Returns every patient ID and path of the table."""
        rows = dict.fromkeys(_key(row)[1] for row in self.rows)
        return list(dict.fromkeys([*self.by_path, *self.by_patient, *rows, *self.owners.values()]))


def find_labels(scans: Path) -> LabelTable | None:
    """Returns the table ``labels.csv`` of SCANS, or None if there is no such file.

    In a ``.zip`` it lies at the top, or in the one folder that all the rest lies in; its paths are relative to where
    it lies.

    Raises:
        InputUnusable: If it is there and unusable.
    """
    if scans.is_dir():
        path = scans / _NAME
        return LabelTable.read(path) if path.is_file() else None
    below = _folder_in_archive(scans)
    if below is None:
        return None
    return LabelTable.read(Path(f"{scans}{SEPARATOR}{below}{_NAME}"), below=f"{scans.name}{SEPARATOR}{below}")


def _folder_in_archive(scans: Path) -> str | None:
    """Returns the folder of the table in an archive, with a slash at its end; None without one, or in another file."""
    try:
        names = {member.name for member in members(scans)}
    except ScanRefused:
        return None
    tops = {name.split("/", 1)[0] + "/" for name in names if "/" in name}
    alone = next(iter(tops)) if len(tops) == 1 else ""
    return next((folder for folder in ("", alone) if folder + _NAME in names), None)


def _key(row: Mapping[str, str]) -> tuple[bool, str]:
    """Returns whether a row is about one scan, and which scan or patient it is about."""
    path = row.get("path", "")
    return (True, posix_path(path)) if path else (False, row.get("patient_id", ""))


def _by_key(rows: Sequence[Mapping[str, str]], column: str) -> tuple[dict[str, str], dict[str, str]]:
    """Returns label by path and label by patient, of one column."""
    tables: dict[bool, dict[str, str]] = {True: {}, False: {}}
    bad = []
    for number, row in enumerate(rows, start=2):
        at_path, key = _key(row)
        label = row.get(column, "")
        said = bool(label) or (column == LABEL and LABEL in row)
        if not key or (said and tables[at_path].setdefault(key, label) != label):
            bad.append(f"row {number}")
    if bad:
        raise InputUnusable("the label file has rows about nobody, or two labels for one", do=_DO, details=bad)
    return tables[True], tables[False]
