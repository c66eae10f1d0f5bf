"""What the tests of the docs read off a Markdown page and off a built one."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from pymdownx.slugs import slugify

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
anchor_of = slugify(case="lower")


def prose(page: Path) -> list[str]:
    """The lines of a page with those of code blocks emptied."""
    lines, code = [], False
    for line in page.read_text("utf-8").splitlines():
        fence = line.lstrip().startswith("```")
        lines.append("" if code or fence else line)
        code ^= fence
    return lines


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as code hosts and the site make them."""
    headings = [m[1] for m in (re.match(r"#+ (.+)", line) for line in prose(page)) if m]
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)|[`*]", r"\1", heading) for heading in headings]
    return {anchor_of(heading, "-") for heading in plain}


def links(page: Path) -> list[tuple[str, str]]:
    """(path, anchor) of each link of a page that stays within the repository."""
    found = re.findall(r"\]\(((?!https?://|mailto:)[^)\s]+)\)", "\n".join(prose(page)))
    return [(target.partition("#")[0], target.partition("#")[2]) for target in found]


class Built(HTMLParser):
    """A page of the site: where it leads, what it loads, how many tables it shows."""

    LOADED = ("script", "img", "iframe", "source", "video", "audio", "embed", "object")

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.leads_to: list[str] = []
        self.loads: list[str] = []
        self.tables = 0
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        self.tables += tag == "table"
        if tag == "a":
            self.leads_to.append(said.get("href") or "")
        if tag == "link" and said.get("rel") not in ("canonical", "next", "prev"):
            self.loads.append(said.get("href") or "")
        if tag in self.LOADED:
            self.loads += [said[name] or "" for name in ("src", "data", "srcset", "poster") if said.get(name)]
        if tag == "form":
            self.loads.append(said.get("action") or "")
