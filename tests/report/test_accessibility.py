"""Pages in a real browser, offline: no request, no serious fault of accessibility, nothing that scrolls sideways.

Needs Chromium on the path and the packages ``playwright`` (it drives the browser) and ``axe-playwright-python`` (it
ships axe-core); another copy of axe-core is taken where ``MEDSYNGEN_AXE`` names its ``axe.min.js``.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.profile import privacy_profile
from medsyngen.report import ReportFacts, build_report, compare_html
from medsyngen.report.curves import curves
from tests.report.pages import page_of

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MISSING = [
    *([] if BROWSER else ["chromium or google-chrome on the path"]),
    *(f"package {name}" for name in ("playwright", "axe_playwright_python") if not importlib.util.find_spec(name)),
]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"EXTERNAL: no {' and no '.join(MISSING)}"),
]
VIEWS = [(width, scheme) for width in (1200, 360) for scheme in ("light", "dark")]


@dataclass(frozen=True)
class Seen:
    requests: list[str]
    console: list[str]
    sideways: int
    faults: list[tuple[str, str, list[str]]]


def axe() -> str:
    """axe-core, as one script."""
    spec = importlib.util.find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    return Path(os.environ.get("MEDSYNGEN_AXE") or Path(spec.origin).parent / "axe.min.js").read_text("utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        found = play.chromium.launch(executable_path=BROWSER, args=flags)
        yield found
        found.close()


def seen(browser: Any, page: bytes, folder: Path, width: int, scheme: str, media: str = "screen") -> Seen:
    """Opens a page offline; its policy is left aside only for axe-core, which runs after everything was loaded."""
    file = folder / "page.html"
    file.write_bytes(page)
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True, bypass_csp=True
    )
    try:
        tab = context.new_page()
        requests: list[str] = []
        console: list[str] = []
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: console.append(message.text))
        tab.emulate_media(media=media, color_scheme=scheme)
        tab.goto(file.as_uri())
        sideways = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        for details in tab.locator("details").all():
            details.evaluate("it => it.open = true")
        wider = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        tab.evaluate(axe())
        found = tab.evaluate("axe.run()")["violations"]
    finally:
        context.close()
    asked = [url for url in requests if url != file.as_uri() and not url.startswith("data:")]
    faults = [(each["id"], each["impact"], [node["html"][:200] for node in each["nodes"]]) for each in found]
    return Seen(asked, console, max(sideways, wider), faults)


def pages(facts: ReportFacts, alone: ReportFacts) -> dict[str, bytes]:
    told = {**curves(privacy_profile([Gaussian(1.0)], 1e-5), 1e-5), "gaussian": None}
    kinds = {
        "sound": replace(facts, curves=told),
        "seeded": replace(facts, seeded=True),
        "not private": replace(facts, not_private=True, preview_png=None),
        "phantoms alone": alone,
    }
    reports = [build_report(each) for each in kinds.values()]
    compared = compare_html(reports, ["0" * 64] * len(reports))
    return {**{name: page_of(each) for name, each in kinds.items()}, "compared": compared}


@pytest.mark.parametrize("name", ["sound", "seeded", "not private", "phantoms alone", "compared"])
def test_every_view_is_quiet_readable_and_narrow(
    browser: Any, facts: ReportFacts, alone: ReportFacts, tmp_path: Path, name: str
) -> None:
    page = pages(facts, alone)[name]
    for width, scheme in VIEWS:
        view = seen(browser, page, tmp_path, width, scheme)
        assert view.requests == []
        assert view.console == []
        assert view.sideways <= 0, (width, scheme)
        assert [fault for fault in view.faults if fault[1] in ("serious", "critical")] == [], (width, scheme)


def test_it_prints_on_a4(browser: Any, facts: ReportFacts, alone: ReportFacts, tmp_path: Path) -> None:
    page = pages(facts, alone)["sound"]
    view = seen(browser, page, tmp_path, 640, "light", media="print")
    assert [fault for fault in view.faults if fault[1] in ("serious", "critical")] == []
    tab = browser.new_page()
    tab.goto((tmp_path / "page.html").as_uri())
    printed = tab.pdf(prefer_css_page_size=True)
    tab.close()
    assert b"/MediaBox [0 0 594" in printed or b"/MediaBox [0 0 595" in printed  # A4 in points
    assert 5 <= printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") <= 25


def test_the_detector_sees_faults(browser: Any, tmp_path: Path) -> None:
    bad = (
        b'<!doctype html><html lang="en"><title>t</title><body style="background:#fff"><p style="color:#ddd">pale</p>'
        b'<div style="width:3000px">wide</div><img src="http://a.invalid/x.png"><script>console.log("boom")</script>'
    )
    view = seen(browser, bad, tmp_path, 360, "light")
    assert view.requests == ["http://a.invalid/x.png"]
    assert "boom" in view.console
    assert view.sideways > 2000
    assert {"color-contrast", "image-alt"} <= {name for name, _, _ in view.faults}
