"""The curves: well-formed, in their places, with their names."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import pytest

from medsyngen.report.gap_plot import WIDTH, Curve, Panel, gaps_svg

SVG = "{http://www.w3.org/2000/svg}"
X = [-4.0, -2.0, 0.0, 2.0, 4.0]


def panel(*curves: Curve, edges: tuple[float, float] = (-3.0, 2.0), title: str = "A in the place of B") -> Panel:
    return Panel(title, "a unit", curves, edges)


def points(svg: str) -> list[list[tuple[float, float]]]:
    return [
        [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
        for line in ET.fromstring(svg).iter(f"{SVG}polyline")
    ]


def test_a_decade_is_the_same_length_everywhere_and_upwards():
    (line,) = points(gaps_svg([panel(Curve("a", X, [1e-3, 1e-2, 1e-1, 1.0, 10.0]))]))
    (steps_x, steps_y) = ([b[i] - a[i] for a, b in itertools.pairwise(line)] for i in (0, 1))
    assert steps_x == pytest.approx([steps_x[0]] * 4, abs=0.2)
    assert steps_x[0] > 0 > steps_y[0]
    assert steps_y == pytest.approx([steps_y[0]] * 4, abs=0.2)


def test_edges_stand_where_their_noise_level_does():
    svg = gaps_svg([panel(Curve("a", X, [1.0, 2.0, 3.0, 4.0, 5.0]), edges=(-2.0, 2.0))])
    (line,) = points(svg)
    dotted = [
        float(x.attrib["x1"]) for x in ET.fromstring(svg).iter(f"{SVG}line") if x.get("stroke-dasharray") == "2 3"
    ]
    assert dotted == [line[1][0], line[3][0]]
    texts = [text.text for text in ET.fromstring(svg).iter(f"{SVG}text")]
    assert {"cleaning", "context", "coarse", "ln σ", "a unit"} <= set(texts)


def test_errors_are_bars_of_two_standard_errors_to_both_sides():
    with_bars = Curve("a", X, [1.0] * 5, [0.45, 0, 0, 0, 0], "points", 1)
    svg = gaps_svg([panel(with_bars, Curve("ends of the first bar", X, [0.1, 1.9, 1, 1, 10]))])
    lines = ET.fromstring(svg).iter(f"{SVG}line")
    bars = [x for x in lines if x.get("stroke") == "#b3400b" and x.get("x1") == x.get("x2")]
    (_, ends) = points(svg)
    assert len(bars) == 5
    assert (float(bars[0].attrib["y1"]), float(bars[0].attrib["y2"])) == pytest.approx(
        (ends[0][1], ends[1][1]), abs=0.2
    )


def test_nothing_leaves_the_frame_whatever_the_values():
    wild = Curve("a", X, [0.0, -1.0, 1e-30, 1e5, 1e-12], [1.0] * 5)
    for line in points(gaps_svg([panel(wild), panel(Curve("b", [0.0], [1.0]), edges=(-3, 9))])):
        for x, y in line:
            assert 0 <= x <= WIDTH
            assert 0 <= y <= 300


def test_what_is_not_above_zero_is_hollow_and_at_the_lower_edge():
    svg = gaps_svg([panel(Curve("a", X, [0.1, -0.1, 0.0, 1.0, 10.0], style="points"))])
    marks = [x for x in ET.fromstring(svg).iter(f"{SVG}circle")][:5]  # the sixth is the legend's
    assert [x.attrib["fill"] == "#fff" for x in marks] == [False, True, True, False, False]
    heights = [float(x.attrib["cy"]) for x in marks]
    assert heights[1] == heights[2] == max(heights)


def test_panels_stand_below_each_other_and_every_curve_is_named():
    curves = [Curve(f"curve {i}", X, [1.0] * 5, colour=i) for i in range(5)]
    root = ET.fromstring(gaps_svg([panel(*curves[:2]), panel(*curves)]))
    moves = [float(re.search(r"translate\(0 (\d+)\)", g.attrib["transform"])[1]) for g in root.iter(f"{SVG}g")]
    assert moves[0] == 0 < moves[1]
    names = [text.text for text in root.iter(f"{SVG}text")]
    assert [names.count(f"curve {i}") for i in range(5)] == [2, 2, 1, 1, 1]
    assert "curve 4" in root.attrib["aria-label"]


def test_names_are_text_not_markup():
    svg = gaps_svg([panel(Curve('<b>&"', X, [1.0] * 5), title="</svg>")])
    root = ET.fromstring(svg)
    assert '<b>&"' in root.attrib["aria-label"]
    assert "</svg>" in [text.text for text in root.iter(f"{SVG}text")]
