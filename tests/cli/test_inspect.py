"""``medsyngen inspect``: everything that is there and everything that is wrong, without a name of anybody."""

from __future__ import annotations

import csv
import json
import shutil
import stat

import pydicom
import pytest

from medsyngen.privacy.ledger import Ledger


def test_counts_of_a_clean_hospital(cli, clean_hospital):
    done = cli("inspect", clean_hospital, "--json")
    assert done.code == 0, done.err
    found = done.json
    assert found["patients"] == 40
    assert found["scans"] == len(list(clean_hospital.rglob("*.dcm"))) == sum(found["labels"].values())
    assert found["sizes"] == {"16 x 16": found["scans"]}
    assert found["refused"] == {}
    assert "not for release" in found["notice"]


def test_people_read_the_same_without_a_name(cli, clean_hospital, private_words):
    done = cli("inspect", clean_hospital)
    assert "40 patients" in done.text
    assert "INSIDE ONLY" in done.out
    assert [word for word in private_words if word in done.text] == []


def test_every_bad_file_is_listed_and_counted(cli, damaged, private_words):
    done = cli("inspect", damaged, "--json")
    assert done.code == 0, done.err
    assert done.json["refused"] == {"coloured": 1, "not-dicom": 1, "truncated": 1}
    assert len({refusal["case_id"] for refusal in done.json["refusals"]}) == 3
    people = cli("inspect", damaged)
    for refusal in done.json["refusals"]:
        assert refusal["case_id"] in people.out
        assert refusal["reason"] in people.out
    assert [word for word in (*private_words, ".dcm", str(damaged)) if word in people.text or word in done.out] == []


def test_too_many_bad_files_end_with_4_after_the_list(cli, damaged):
    done = cli("inspect", damaged, "--recipe", "smoke-16", "--set", "scans.max_skipped_share=0.01", "--json")
    assert done.code == 4
    assert len(done.json["refusals"]) == 3
    assert "max_skipped_share" in done.err


def test_the_recipe_decides_what_is_a_scan(cli, clean_hospital):
    done = cli("inspect", clean_hospital, "--recipe", "smoke-16", "--set", "scans.modalities=[DX]", "--json")
    assert done.code == 3
    assert set(done.json["refused"]) == {"modality"}


def test_an_empty_folder_ends_with_3(cli, tmp_path):
    (tmp_path / "empty").mkdir()
    done = cli("inspect", tmp_path / "empty", "--out", tmp_path / "run", "--json")
    assert (done.code, done.out) == (3, "")
    assert not (tmp_path / "run").exists()


def test_one_patient_id_for_all_ends_with_3(cli, hospital):
    one_patient(hospital)
    done = cli("inspect", hospital)
    assert done.code == 3
    assert "--patient-map" in done.err


def test_a_patient_map_tells_them_apart_again(cli, hospital, tmp_path):
    one_patient(hospital)
    paths = sorted(path.relative_to(hospital).as_posix() for path in hospital.rglob("*.dcm"))
    rows = [f"{path},{path.partition('/')[0]}" for path in paths]
    (tmp_path / "map.csv").write_text("\n".join(["path,patient_id", *rows, ""]))
    done = cli("inspect", hospital, "--patient-map", tmp_path / "map.csv", "--json")
    assert (done.code, done.json["patients"]) == (0, 40)


def test_labels_may_come_from_elsewhere(cli, hospital, tmp_path):
    shutil.move(hospital / "labels.csv", tmp_path / "elsewhere.csv")
    assert set(cli("inspect", hospital, "--json").json["labels"]) == {"(none)"}
    assert set(cli("inspect", hospital, "--labels", tmp_path / "elsewhere.csv", "--json").json["labels"]) == {"0", "1"}
    assert cli("inspect", hospital, "--labels", tmp_path / "nowhere.csv").code == 3


def test_out_keeps_the_preflight_where_only_its_owner_reads_it(cli, clean_hospital, tmp_path):
    done = cli("inspect", clean_hospital, "--out", tmp_path / "run", "--json")
    path = tmp_path / "run" / "private" / "preflight.json"
    assert json.loads(path.read_text(encoding="utf-8")) == done.json
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    inside = {each.name: stat.S_IMODE(each.stat().st_mode) for each in path.parent.iterdir()}
    assert inside == dict.fromkeys(("preflight.json", "contact-sheet.png", "index.sqlite"), 0o600)
    assert not list((tmp_path / "run").glob("*.*"))


def test_reveal_tells_inside_which_file_a_case_is(cli, damaged, tmp_path):
    assert cli("inspect", damaged, "--reveal").code == 2
    done = cli("inspect", damaged, "--out", tmp_path / "run", "--reveal", "--json")
    path = tmp_path / "run" / "private" / "cases.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert len(rows) == done.json["files"]["found"]
    assert {damaged / row["path"] for row in rows} == set(damaged.rglob("*.dcm"))
    refused = {row["case"] for row in rows if row["what became of it"] != "used"}
    assert refused == {refusal["case_id"] for refusal in done.json["refusals"]}
    assert ".dcm" not in done.out + done.err


def test_strict_ends_with_4_if_any_file_is_refused(cli, clean_hospital, damaged):
    assert cli("inspect", clean_hospital, "--strict").code == 0
    done = cli("inspect", damaged, "--strict")
    assert done.code == 4
    assert "--strict" in done.err


def test_a_search_for_text_without_the_extra_says_how_to_get_it(cli, clean_hospital, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = cli("inspect", clean_hospital, "--ocr", 3)
    assert done.code == 2
    assert "medsyngen[ocr]" in done.err


@pytest.mark.slow
def test_text_in_a_picture_is_found_and_not_told(cli, tmp_path):
    pytest.importorskip("rapidocr_onnxruntime", reason="pip install 'medsyngen[ocr]'")
    from PIL import Image, ImageDraw, ImageFont

    for number, words in enumerate(("FICTIONAL QUINTESSA", "")):
        picture = Image.new("L", (400, 120), 20)
        ImageDraw.Draw(picture).text((20, 40), words, fill=250, font=ImageFont.load_default(30))
        (tmp_path / "s").mkdir(exist_ok=True)
        picture.save(tmp_path / "s" / f"{number}.png")
    (tmp_path / "s" / "labels.csv").write_text("path,patient_id,label\n0.png,A-000001,0\n1.png,B-000001,0\n")
    done = cli("inspect", tmp_path / "s", "--ocr", 5, "--json")
    assert done.code == 0, done.err
    assert (done.json["searched_for_text"], done.json["cases_with_text"]) == (2, ["case 00001"])
    assert "QUINTESSA" not in (done.out + done.err).upper()


def test_the_ledger_of_the_site_notes_the_look(cli, clean_hospital, site):
    before = cli("inspect", clean_hospital, "--json")
    assert before.json["look_booked"] is False
    assert "noted nowhere" in before.err
    cli("ledger", "create", "--epsilon", 8, "--patients-at-most", 40, "--approved-by", "DPO")
    after = cli("inspect", clean_hospital, "--json")
    assert after.json["look_booked"] is True
    with Ledger.open(site, read_only=True) as ledger:
        assert len(ledger.looks) == 1


@pytest.mark.parametrize("where", ["nowhere", "file.txt"])
def test_scans_that_are_not_there_end_with_3(cli, tmp_path, where):
    (tmp_path / "file.txt").write_text("no scan")
    assert cli("inspect", tmp_path / where).code == 3


def one_patient(folder):
    for path in folder.rglob("*.dcm"):
        header = pydicom.dcmread(path)
        header.PatientID = "SAME"
        header.save_as(path)
