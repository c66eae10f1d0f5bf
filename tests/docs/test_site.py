"""The site builds without a warning, shows every page, and asks nobody for anything."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.docs.pages import DOCS, PAGES, Built, anchors, links, prose

HERE = sorted(DOCS.rglob("*.md"))


def built(site: Path, page: Path) -> Path:
    """The file that a page became."""
    path = site / page.relative_to(DOCS).with_suffix(".html")
    return path.with_name("index.html") if page.name == "README.md" else path


def name(page: Path) -> str:
    """How a page is called in the list of tests."""
    return page.name if page.parent == DOCS.parent else str(page.relative_to(DOCS))


def test_no_warning_when_it_is_built(site):
    assert "WARNING" not in site.said


def test_every_page_is_reached_from_the_first(site):
    todo = [site.folder / "index.html"]
    seen = set(todo)
    while todo:
        page = todo.pop()
        for target in Built(page).leads_to:
            to = urlsplit(target)
            path = (page.parent / unquote(to.path)).resolve() if to.path else page
            if not to.scheme and path.suffix == ".html" and path not in seen:
                assert path.is_file(), f"{page.name} leads to {target}"
                seen.add(path)
                todo.append(path)
    assert {built(site.folder, page) for page in HERE} <= seen


def test_nothing_is_loaded_from_another_host(site):
    for page in sorted(site.folder.rglob("*.html")):
        assert not [link for link in Built(page).loads if urlsplit(link).netloc], page.name
        inline = re.findall(r"<style[^>]*>(.*?)</style>", page.read_text("utf-8"), flags=re.DOTALL)
        assert not re.findall(r"(?:url\(|@import)\s*[\"']?\s*(?:https?:)?//", "".join(inline))
    for sheet in sorted(site.folder.rglob("*.css")):
        assert not re.findall(r"(?:url\(|@import)\s*[\"']?\s*(?:https?:)?//", sheet.read_text("utf-8")), sheet.name


def test_scripts_that_would_ask_a_host_have_no_cause_to(site):
    # The theme asks for mermaid where there is a diagram, and for a repository's stars where one is named.
    for page in sorted(site.folder.rglob("*.html")):
        text = page.read_text("utf-8")
        assert 'class="mermaid"' not in text
        assert 'data-md-component="source"' not in text
        assert "md-annotation" not in text


@pytest.mark.parametrize("page", HERE, ids=name)
def test_every_table_is_one(site, page):
    # A table that follows text without an empty line is one for code hosts, and a heap of bars on the site.
    assert Built(built(site.folder, page)).tables >= sum(
        bool(re.match(r"\|[ :-]*-[ |:-]*$", line)) for line in prose(page)
    )


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_lists_stand_behind_an_empty_line(page):
    # Else they are lists for code hosts, and running text on the site.
    item = re.compile(r"\s*([-*]|\d+\.) ")
    lines = ["", *prose(page)]
    for before, line in pairwise(lines):
        assert not (item.match(line) and before.strip() and not item.match(before) and not before.startswith(" ")), line


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_within_the_repository_lead_somewhere(page):
    for path, anchor in links(page):
        target = (page.parent / unquote(path)).resolve() if path else page
        assert target.exists(), path
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


@pytest.mark.parametrize("page", [page for page in HERE if page != DOCS / "index.md"], ids=name)
def test_the_first_page_names_every_other(page):
    listed = {(DOCS / path).resolve() for path, _ in links(DOCS / "index.md")}
    assert page in listed, "put a line into docs/index.md, under All pages"


def test_the_search_knows_words_of_every_page(site):
    index = json.loads((site.folder / "search" / "search_index.json").read_text("utf-8"))
    known = {entry["location"].partition("#")[0] for entry in index["docs"]}
    assert {built(site.folder, page).relative_to(site.folder).as_posix() for page in HERE} <= known
