"""The graph of results: names resolve, no circles, and nothing is said by colour alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from nopeproof import library
from nopeproof.errors import NopeproofError
from nopeproof.report.graph import BORDER, ORDER, Node, columns, direct, drawing, layers, weakest
from nopeproof.report.views import MARKS

CHAIN = [Node("a", verdict="proved"), Node("b", uses=("a",)), Node("c", uses=("a", "b"), verdict="open"), Node("alone")]


def test_every_use_of_the_shipped_results_resolves_without_a_circle():
    results = [Node(n, library.load(n).kind, uses=library.load(n).uses) for n in library.names()]
    names = {n.name for n in results}
    assert [(n.name, u) for n in results for u in n.uses if u not in names] == []
    depth = layers(results)
    assert all(depth[n.name] > depth[u] for n in results for u in n.uses)
    assert max(depth.values()) >= 3 and {n.kind for n in results} == set(library.KINDS)


def test_columns_and_lines():
    assert layers(CHAIN) == {"a": 0, "b": 1, "c": 2, "alone": 0}
    drawn, alone = columns(CHAIN)
    assert [[n.name for n in c] for c in drawn] == [["a"], ["b"], ["c"]] and [n.name for n in alone] == ["alone"]
    assert direct(CHAIN[2], {n.name: n for n in CHAIN}) == ["b"]


def test_a_circle_is_named():
    with pytest.raises(NopeproofError, match="a uses b uses a"):
        layers([Node("a", uses=("b",)), Node("b", uses=("a",))])


def test_the_drawing_is_whole_xml_with_a_box_for_each_result_and_marks_beside_colours():
    root = ET.fromstring(drawing(CHAIN, link=True))
    said = ["".join(e.itertext()) for e in root.iter("{http://www.w3.org/2000/svg}g")]
    assert [f"{n.name}: construction, {n.verdict}{MARKS[n.verdict]} {n.name}" in said for n in CHAIN] == [True] * len(CHAIN)
    assert len({MARKS[v] for v in ORDER}) == len(ORDER) and set(BORDER) == set(ORDER)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) == 2
    assert drawing([Node("x<&y")]).count("x&lt;&amp;y") >= 2


def test_a_result_is_as_good_as_its_weakest_claim():
    assert weakest(["proved", "exhausted", "certified"]) == "exhausted" and weakest([]) == "unchecked"
    assert weakest(["proved", "refuted", "unchecked"]) == "refuted"
