import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medsyngen.cohort.labels import ClassDefinition, LabelTable, check_classes, class_index, find_labels
from medsyngen.errors import InputUnusable, UsageError

CLASSES = (ClassDefinition("normal", "0", 0.6), ClassDefinition("abnormal", "1", 0.4))


@given(st.none() | st.text())
def test_anything_unknown_is_the_null_class(label):
    known = label is not None and label.strip() in ("0", "1")
    assert class_index(label, CLASSES) == (int(label.strip()) if known else 2)


def test_a_path_goes_before_a_patient(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("patient_id,path,label,split\nP1,a\\1.dcm,0,x\nP1,,1,x\nP2,,0,y\nP1,a/3.dcm,,z\n")
    table = LabelTable.read(path)
    assert table.find("a/1.dcm", "P1") == "0"
    assert table.find("a/2.dcm", "P1") == "1"
    assert table.find("a/3.dcm", "P1") == ""
    assert table.find("b", "P2") == "0"
    assert table.find("b", "P3") is None
    assert set(table.identifiers()) == {"a/1.dcm", "a/3.dcm", "P1", "P2"}


@pytest.mark.parametrize(
    "text",
    [
        "path\na\n",
        "label\n1\n",
        "path,label\n",
        "path,label\na,1\na,2\n",
        "patient_id,label\nP,1\nP,2\n",
        "path,label\n,1\n",
    ],
)
def test_unusable_tables(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(InputUnusable):
        LabelTable.read(path)


@pytest.mark.parametrize(("name", "label", "share"), [("", "0", 1), ("a", " ", 1), ("a", "0", 0), ("a", "0", 1.1)])
def test_a_class_must_be_whole(name, label, share):
    with pytest.raises(UsageError):
        ClassDefinition(name, label, share)


def test_classes_must_fit_together():
    check_classes(CLASSES)
    check_classes(())
    for wrong in (CLASSES[:1], (CLASSES[0], CLASSES[0]), (CLASSES[0], ClassDefinition("b", " 0", 0.4))):
        with pytest.raises(UsageError):
            check_classes(wrong)


@pytest.mark.parametrize(("folder", "found"), [("", True), ("export/", True), ("export/deep/", False)])
def test_a_table_in_an_archive_is_found(tmp_path, folder, found):
    archive = tmp_path / "scans.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"{folder}labels.csv", "\ufeffpath,patient_id,label\n./a/1.png,P1,0\n,P2,1\n")
        file.writestr(f"{folder.partition('/')[0]}{'/' if folder else ''}a/1.png", "x")
    table = find_labels(archive)
    assert (table is not None) == found
    if table:
        assert table.find(f"scans.zip!{folder}a/1.png", "") == "0"
        assert table.owners == {f"scans.zip!{folder}a/1.png": "P1"}
        assert table.find("else", "P2") == "1"


def test_no_table_in_no_archive(tmp_path):
    (tmp_path / "b.zip").write_bytes(b"PK\x03\x04 damaged")
    assert find_labels(tmp_path / "b.zip") is None
    assert find_labels(tmp_path) is None
    with zipfile.ZipFile(tmp_path / "c.zip", "w") as file:
        file.writestr("labels.csv", b"\xff\xfe")
    with pytest.raises(InputUnusable):
        find_labels(tmp_path / "c.zip")
