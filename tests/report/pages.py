"""What tests of pages share: reports to render, and a parser that keeps the tree."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from medsyngen.report import ReportFacts, build_report, render_html, report_json_bytes

VOID = {"meta", "link", "img", "br", "hr", "input"}
SVG = {"rect", "line", "path", "polyline", "polygon"}  # written with a slash at their end


@dataclass
class Node:
    """One element."""

    tag: str
    attributes: dict[str, str | None]
    parent: Node | None
    children: list[Node] = field(default_factory=list)
    text: str = ""

    def all(self, *tags: str) -> Iterator[Node]:
        """Yields the elements below of these kinds, in document order."""
        for child in self.children:
            if child.tag in tags:
                yield child
            yield from child.all(*tags)

    def words(self) -> str:
        """All text in it."""
        return " ".join(" ".join([self.text, *(child.words() for child in self.children)]).split())


class Tree(HTMLParser):
    """Refuses a page whose tags don't close in the order in which they opened."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.root = self.here = Node("", {}, None)
        self.feed(page.decode())
        self.close()
        assert self.here is self.root, f"<{self.here.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice"
        node = Node(tag, dict(attrs), self.here)
        self.here.children.append(node)
        if tag not in VOID:
            self.here = node

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SVG, f"<{tag}/> does not close itself in HTML"
        self.here.children.append(Node(tag, dict(attrs), self.here))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.here.tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.text += data


def page_of(facts: ReportFacts) -> bytes:
    """The page of these facts."""
    report = build_report(facts)
    return render_html(report, hashlib.sha256(report_json_bytes(report)).hexdigest())
