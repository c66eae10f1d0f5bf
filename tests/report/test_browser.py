"""The page as a browser sees it: no console message, no request that the page asked for."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from medsyngen.report import ReportFacts, build_report, render_html, report_json_bytes

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="BROWSER: no chromium or google-chrome on the path")

QUIET = (
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-default-apps",
    "--no-first-run",
    "--enable-logging=stderr",
    "--v=0",
    "--net-log-capture-mode=Everything",
    "--dump-dom",
)
OWN = "not an origin"
"""The initiator that the network log gives to requests of the browser itself; those of a page name the page's."""


@dataclass(frozen=True)
class Seen:
    dom: str
    console: list[str]
    requests: list[str]


def opened(page: bytes, folder: Path) -> Seen:
    """Opens the page offline (no name resolves) and returns what the browser logged of it."""
    assert BROWSER is not None
    file, log = folder / "page.html", folder / "net.json"
    file.write_bytes(page)
    options = [*QUIET, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}"]
    options += ["--host-resolver-rules=MAP * ~NOTFOUND", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    done = subprocess.run([BROWSER, *options, file.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    network = json.loads(log.read_text())
    start = network["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    begun = [event["params"] for event in network["events"] if event["type"] == start and "url" in event["params"]]
    return Seen(
        dom=done.stdout,
        console=[line for line in done.stderr.splitlines() if ":CONSOLE:" in line],
        requests=[request["url"] for request in begun if request.get("initiator") != OWN],
    )


def test_the_report_asks_for_nothing_and_complains_of_nothing(facts: ReportFacts, tmp_path: Path) -> None:
    report = build_report(facts)
    seen = opened(render_html(report, hashlib.sha256(report_json_bytes(report)).hexdigest()), tmp_path)
    assert "What is not promised" in seen.dom  # it did load
    assert seen.console == []
    assert seen.requests == []


def test_the_detector_sees_a_request_and_a_console_message(tmp_path: Path) -> None:
    seen = opened(b'<!doctype html><img src="http://a.invalid/x.png"><script>console.error("boom")</script>', tmp_path)
    assert seen.requests == ["http://a.invalid/x.png"]
    assert any("boom" in line for line in seen.console)


def test_the_policy_stops_what_should_never_be_there(facts: ReportFacts, tmp_path: Path) -> None:
    report = build_report(facts)
    page = render_html(report, hashlib.sha256(report_json_bytes(report)).hexdigest())
    hostile = b'<img src="http://a.invalid/x.png"><script>document.title = "RAN"</script></main>'
    seen = opened(page.replace(b"</main>", hostile), tmp_path)
    assert seen.requests == []
    assert "<title>RAN" not in seen.dom
    assert len(seen.console) >= 2  # one refusal each
