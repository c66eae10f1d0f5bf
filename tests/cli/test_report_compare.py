"""``medsyngen report --compare``: from reports on disk to one page; nothing is overwritten, and places aren't told."""

from __future__ import annotations

import pytest

from medsyngen.report import build_report, report_json_bytes
from tests.report.conftest import phantoms_only, sound_facts


@pytest.fixture
def places(tmp_path):
    run, cohort = tmp_path / "secret-run", tmp_path / "cohort"
    for folder, name, facts in ((run, "report.json", sound_facts()), (cohort, "privacy_report.json", phantoms_only())):
        folder.mkdir()
        (folder / name).write_bytes(report_json_bytes(build_report(facts)))
    return run, cohort


def test_runs_cohorts_and_files_stand_side_by_side(cli, places, tmp_path):
    run, cohort = places
    page = tmp_path / "page.html"
    done = cli("report", "--compare", run, cohort, run / "report.json", "--out", page, "--json")
    assert (done.code, done.json) == (0, {"html": str(page)})
    text = page.read_text("utf-8")
    assert "What a reviewer should look at" in text
    assert "secret-run" not in text
    again = cli("report", "--compare", run, cohort, "--out", page)
    assert again.code == 2
    assert "exists already" in again.text


def test_what_is_no_report_is_refused(cli, places, tmp_path):
    run, _ = places
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "text.json").write_text("no")
    (tmp_path / "empty").mkdir()
    for strange in ("list.json", "text.json", "empty", "nowhere"):
        done = cli("report", "--compare", run, tmp_path / strange, "--out", tmp_path / "page.html")
        assert done.code == 2, strange
        assert "secret-run" not in done.text
    assert not (tmp_path / "page.html").exists()


def test_a_changed_report_is_refused(cli, places, tmp_path):
    run, cohort = places
    file = run / "report.json"
    file.write_bytes(file.read_bytes().replace(b'"looks": 0', b'"looks": 1'))
    done = cli("report", "--compare", run, cohort, "--out", tmp_path / "page.html")
    assert done.code == 7
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("more", [["--ledger", "x"], ["--statements", "x"]])
def test_options_of_one_report_mean_nothing_here(cli, places, more):
    done = cli("report", "--compare", *places, *more)
    assert done.code == 2
    assert more[0] in done.text


def test_several_runs_or_a_page_need_the_word_compare(cli, places, tmp_path):
    assert "--compare" in cli("report", *places).text
    assert cli("report", *places).code == 2
    assert "--out belongs to --compare" in cli("report", places[0], "--out", tmp_path / "page.html").text
    assert cli("report", "--compare", places[0], "--out", tmp_path / "page.html").code == 2
