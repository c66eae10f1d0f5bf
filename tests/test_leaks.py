"""The search that other tests rely on finds what is planted."""

from pathlib import Path

from leaks import leaks


def test_planted_names_and_dates_are_found_and_private_is_left_out(tmp_path: Path):
    (tmp_path / "private").mkdir()
    (tmp_path / "private" / "a").write_text("Fictional^Doctor")
    (tmp_path / "b.bin").write_bytes(b"\x00\x01Fictional^Doctor\x02")
    (tmp_path / "c.json").write_text('{"date": "20110215"}')
    (tmp_path / "d.dcm").write_text("2.25.999201102159991")
    (tmp_path / "NIH-00188").write_text("")
    found = leaks(tmp_path, {"Fictional^Doctor", "20110215", "NIH-00188"})
    assert found == ["NIH-00188", "b.bin", "c.json"]
