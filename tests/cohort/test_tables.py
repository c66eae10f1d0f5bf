import pytest

from medsyngen.cohort.tables import posix_path, read_rows
from medsyngen.errors import InputUnusable


def test_reads_what_spreadsheets_write(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b'\xef\xbb\xbfPatient_ID, Label\r\n 12 ,yes\r\n"a,b",\r\n')
    assert read_rows(path, "label file") == [{"patient_id": "12", "label": "yes"}, {"patient_id": "a,b", "label": ""}]


@pytest.mark.parametrize("content", [b"a,b\n1,2,3\n", b"a,a\n1,2\n", b"a\n\xff\xfe\n", None, b'a\n"1\n'])
def test_refuses_without_quoting(tmp_path, content):
    path = tmp_path / "Quintessa.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputUnusable) as refused:
        read_rows(path, "label file")
    shown = f"{refused.value}{refused.value.do}{refused.value.details}"
    assert "label file" in shown
    assert "Quintessa" not in shown


def test_paths_are_written_one_way():
    assert posix_path("./a\\b/c.dcm") == "a/b/c.dcm"
