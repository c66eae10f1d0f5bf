"""The site in headless Chromium: nothing is asked of another host, the search works from a folder and from a server,
no page is wider than a telephone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="EXTERNAL: no Chromium on this machine"),
]
TELEPHONE = {"width": 360, "height": 740}
SHOWN = (
    "index.html",
    "explanation/limits.html",
    "reference/recipe.html",
    "reference/api.html",
    "benchmarks/utility.html",
)


class Quiet(SimpleHTTPRequestHandler):
    """A server of files that says nothing."""

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture(scope="module")
def served(site) -> Iterator[str]:
    """The address of the site on the loopback interface."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site.folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; as root it needs to be told that it has no sandbox."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(params=["file", "http"])
def home(request: pytest.FixtureRequest, site, served: str) -> str:
    """Where the site begins: in a folder, or on a server."""
    return site.folder.as_uri() if request.param == "file" else served


def test_nothing_is_asked_of_another_host_and_the_search_finds(browser, home: str):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for path in SHOWN:
        page.goto(f"{home}/{path}", wait_until="load")
    page.goto(f"{home}/index.html", wait_until="load")
    page.locator("input.md-search__input").click()
    page.keyboard.type("ledger")
    found = page.locator("a.md-search-result__link").first
    found.wait_for(timeout=60_000)
    assert ".html" in str(found.get_attribute("href"))
    page.close()
    ours = urlsplit(home).netloc
    assert len(asked) > len(SHOWN)
    assert not [
        url for url in asked if urlsplit(url).scheme in ("http", "https", "ws") and urlsplit(url).netloc != ours
    ]


def test_no_page_is_wider_than_a_telephone(browser, site):
    page = browser.new_page(viewport=TELEPHONE)
    for path in sorted(site.folder.rglob("*.html")):
        page.goto(path.as_uri(), wait_until="load")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= TELEPHONE["width"], f"{path.relative_to(site.folder)}: {wide} pixels"
    page.close()


def test_dark_is_dark_and_light_is_light(browser, site):
    for scheme, dark in (("dark", True), ("light", False)):
        page = browser.new_page(color_scheme=scheme)
        page.goto((site.folder / "index.html").as_uri(), wait_until="load")
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, colour.removeprefix("rgb(").removesuffix(")").split(","))) < 3 * 128) is dark
        page.close()
