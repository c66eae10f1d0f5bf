"""Pages as a screen reader and a printer meet them: tree, headings, tables, plots, colours."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from medsyngen.privacy.events import Gaussian
from medsyngen.privacy.profile import privacy_profile
from medsyngen.report import ReportFacts, build_report, compare_html
from medsyngen.report.curves import curves
from tests.report.pages import Node, Tree, page_of
from tests.report.test_render import hostile, ratio

Bend = Callable[[ReportFacts, SimpleNamespace], ReportFacts]
CURVES: dict[str, Any] = {**curves(privacy_profile([Gaussian(1.0)], 1e-5), 1e-5), "gaussian": None}
BENT: dict[str, Bend] = {
    "sound": lambda facts, _: facts,
    "with curves": lambda facts, _: replace(facts, curves=CURVES),
    "not private": lambda facts, _: replace(facts, not_private=True, preview_png=None),
    "seeded": lambda facts, _: replace(facts, seeded=True),
    "hostile": hostile,
    "the run's own": lambda facts, _: replace(facts, release=None),
}


@pytest.fixture(params=[*BENT, "phantoms alone", "compared"])
def tree(request: pytest.FixtureRequest, facts: ReportFacts, alone: ReportFacts, ledger: SimpleNamespace) -> Node:
    if request.param == "phantoms alone":
        return Tree(page_of(alone)).root
    if request.param == "compared":
        reports = [build_report(each) for each in (facts, alone, replace(facts, seeded=True))]
        return Tree(compare_html(reports, ["0" * 64] * 3)).root
    return Tree(page_of(BENT[request.param](facts, ledger))).root


def test_headings_go_down_one_step_at_a_time(tree: Node) -> None:
    levels = [int(node.tag[1]) for node in tree.all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(node.words() for node in tree.all("h1", "h2", "h3"))


def test_tables_name_themselves_their_columns_and_rows(tree: Node) -> None:
    for table in tree.all("table"):
        (caption,) = table.all("caption")
        assert caption.words()
        assert all(cell.attributes.get("scope") in ("col", "row") for cell in table.all("th"))
        widths = {len(list(row.all("th", "td"))) for row in table.all("tr")}
        assert len(widths) == 1, "rows of different lengths"


def test_plots_have_a_title_a_description_and_their_own_names(tree: Node) -> None:
    plots = [svg for svg in tree.all("svg") if svg.attributes.get("role") == "img"]
    assert plots or "no guarantee" in tree.words()
    for svg in plots:
        named = [next(svg.all(tag)) for tag in ("title", "desc")]
        assert svg.attributes["aria-labelledby"] == " ".join(str(node.attributes["id"]) for node in named)
        assert all(node.words() for node in named)
    inner = {id(svg) for plot in plots for svg in plot.all("svg")}
    others = [svg for svg in tree.all("svg") if svg not in plots and id(svg) not in inner]
    assert all(svg.attributes.get("aria-hidden") == "true" for svg in others)


def test_names_are_unlike_and_links_lead_somewhere(tree: Node) -> None:
    names = [node.attributes["id"] for node in tree.all(*_tags(tree)) if "id" in node.attributes]
    assert len(set(names)) == len(names)
    targets = {str(link.attributes["href"]).removeprefix("#") for link in tree.all("a")}
    assert targets <= set(names)


def test_what_scrolls_can_be_reached_and_what_opens_says_what_it_holds(tree: Node) -> None:
    for node in tree.all("div"):
        if node.attributes.get("class") == "scroll":
            assert node.attributes["tabindex"] == "0"
            assert node.attributes["aria-label"]
    assert all(next(node.all("summary")).words() for node in tree.all("details"))


def test_no_word_of_compliance(tree: Node) -> None:
    assert not re.search(r"HIPAA|GDPR|compliant|anonymous\b|guaranteed safe", tree.words(), re.I)


def test_it_is_said_what_the_page_is_in(tree: Node) -> None:
    assert next(tree.all("html")).attributes["lang"] == "en"
    assert next(tree.all("title")).words()


def test_each_plot_has_a_table_behind_it(facts: ReportFacts) -> None:
    tree = Tree(page_of(replace(facts, curves=CURVES))).root
    for section in tree.all("section"):
        plots = [n for n in section.all("svg") if str(n.attributes.get("class")).startswith("plot ")]
        if plots and section.attributes["id"] != "promise":  # of the guess, the sentence below says all there is
            assert list(section.all("table")), section.attributes["id"]


def test_the_parser_refuses_what_is_not_well_formed() -> None:
    for page in (b"<p><b></p></b>", b"<div>", b"<p/>", b'<a href="#a" href="#b"></a>'):
        with pytest.raises(AssertionError):
            Tree(page)


def css() -> str:
    return files("medsyngen.report").joinpath("report.css").read_text(encoding="utf-8")


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def rules() -> list[tuple[str, str]]:
    """Selector and declarations of every rule that sets colours by their names."""
    plain = re.sub(r"/\*.*?\*/", "", css(), flags=re.DOTALL)
    return [(s.strip(), d) for s, d in re.findall(r"([^{}]+)\{([^{}]*)\}", plain) if ":root" not in s]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_pair_of_text_and_ground_in_the_style_sheet_can_be_read(scheme: str) -> None:
    """Texts of rules without a ground of their own may stand on any ground that is a page's, a card's or a table's."""
    named = r"--([\w-]+): (#[0-9a-f]{6})"
    light, dark, printed = (dict(re.findall(named, root)) for root in re.findall(r":root \{(.*?)\}", css(), re.S))
    colours = {"light": light, "dark": light | dark, "print": light | printed}[scheme]
    texts, pairs = set(), set()
    for selector, declared in rules():
        if selector.startswith(".watermark"):
            continue  # an ornament, hidden from screen readers; the mark itself stands in the alert
        text = re.search(r"(?<![-\w])(?:color|fill): var\(--([\w-]+)\)", declared)
        ground = re.search(r"background: var\(--([\w-]+)\)", declared)
        if text and ("fill" not in text[0] or "text" in selector or "tick" in selector):
            (pairs.add((text[1], ground[1])) if ground else texts.add(text[1]))
    assert {"ink", "muted", "accent"} <= texts
    assert ("alert-ink", "alert") in pairs
    everywhere = {(text, ground) for text in texts for ground in ("paper", "raised")}
    over_the_mark = {("ink", "mark"), ("muted", "mark")}
    over_the_plot = {("muted", "shade"), ("ink", "shade")}
    for text, ground in everywhere | pairs | over_the_mark | over_the_plot:
        assert ratio(_luminance(colours[text]), _luminance(colours[ground])) >= 4.5, (scheme, text, ground)
    for graphic in ("public", "private", "third", "look"):
        assert ratio(_luminance(colours[graphic]), _luminance(colours["paper"])) >= 3, (scheme, graphic)


def test_colours_are_named_but_for_the_badge() -> None:
    strange = [(s, d) for s, d in rules() if re.search(r"#[0-9a-f]{3,6}\b", d) and "url(#" not in d]
    assert {selector for selector, _ in strange} == {".preview", ".badge"}


def test_printing_has_its_own_rules() -> None:
    assert "@page { size: A4;" in css()
    printed = css().split("@media print")[1]
    for rule in (
        ".first { break-after: page; }",
        "thead { display: table-header-group; }",
        ".scroll { overflow: visible",
    ):
        assert rule in printed
    assert "@media screen and (prefers-color-scheme: dark)" in css(), "paper is white, whatever the screen is"


def _tags(tree: Node) -> set[str]:
    found: set[str] = set()

    def walk(node: Node) -> None:
        for child in node.children:
            found.add(child.tag)
            walk(child)

    walk(tree)
    return found
