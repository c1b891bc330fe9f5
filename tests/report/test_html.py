"""The page: complete, self-contained, well formed, the same bytes for the same rows, and readable without colour."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from nopeproof import ledger
from nopeproof.cli import _rows
from nopeproof.cli.verify import Job, done
from nopeproof.errors import NopeproofError
from nopeproof.library import load
from nopeproof.report import html, svg, views

FALSE = '''"""A head with a <script>alert("false")</script> claim & `one` name.

The word `bos` is averaged:

    1/t is not 1/(2t - 1)
"""

from nopeproof import Block, Circuit, Claim, Embedding, Equals, Fails, Head, Residual, Scope, after_attention

R = Residual(zz=1, bos=1, aa=2)
head = Head(W_Q=[0], W_K=[0], W_V=[R.bos], W_O=[R.aa[0]], name="mean <b>")
circuit = Circuit(R, Embedding({"<bos>": R.zz + 3 * R.bos, "a": R.zz, "b": R.aa[1]}), blocks=[Block(heads=[head])], bos="<bos>", name="c")
given = Scope(vocabulary="given")
claims = [
    Claim("false", circuit, Equals(after_attention(1), R.aa[0], "3/(2*t - 1)"), given, "this <file>", note="<i>not</i> so"),
    Claim("true", circuit, Equals(after_attention(1), R.aa[0], "3/t"), given),
    Claim("never-checked", circuit, Fails(Equals(after_attention(1), R.aa[0], "3/t")), given),
]
'''
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Every tag with its attributes, in order; raises where tags are not balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes <{self.open[-1:]}> at {self.getpos()}"
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    def all(self, attribute: str) -> list[str]:
        """The values of one attribute, wherever it stands."""
        return [a[attribute] or "" for _, a in self.tags if attribute in a]


def scores(values):
    """Exact match along three lengths."""
    return {"length": [1, 2, 3], "exact_match": values, "token_accuracy": values, "cross_entropy": [0.1, 0.2, 0.3]}


def model(pe, seed, values):
    """One model as `compare` describes it."""
    near = {"layer": 2, "head": 1, "nats": 0.0123}
    probes = [{"target": t, "layer": n, "r2": 0.5, "r2_untrained": 0.25, "r2_longer": None} for t in ("t", "1/t") for n in (0, 1, 2)]
    return {
        "name": f"{pe}/{seed}", "pe": pe, "task": "copy", "seed": seed, "digest": "d", "train_length": 2, "scores": scores(values),
        "exact_match_in": 0.9, "learned": False, "exact_match_beyond": None, "uniform": {"distance": [[0.1, 0.2], [0.0123, 0.3]],
        "nearest": near, "untrained_nearest": near}, "attention_to_bos": [[0.5, 0.5], [0.5, 0.5]], "probes": probes,
        "example": None if seed else {"tokens": ["<bos>", "w1"], "attention": [[[[1.0, 0.0], [0.4, 0.6]]] * 2] * 2},
    }  # fmt: skip


HELD = {
    "name": "nope/0", "pe": "nope", "task": "copy", "seed": 0, "digest": "d", "exact_match": 0.99, "token_accuracy": 1.0,
    "near_heads": [{"layer": 2, "head": 1, "nats": 0.01}], "cut_bos": {"exact_match": 0.015625, "token_accuracy": 0.2}, "heads": 1,
    "verdict": "found", "ablate": {"each": [], "all": {"exact_match": 0.125}, "others": {"exact_match": 0.875}},
}  # fmt: skip
LOST = {**HELD, "seed": 1, "name": "nope/1", "verdict": "not learned", "heads": 0}
COMPARED = {
    "built": [{"models": [HELD, LOST, {"pe": "t5", "digest": "e", "seed": 0}]}],
    "schema": 1, "units": {}, "lengths": [2, 3], "words_per_length": 4, "seed": 0, "distances": [],
    "models": [model("nope", 0, [1.0, 0.5, 0.0]), model("nope", 1, [1.0, 0.7, 0.1]), model("t5", 0, [1.0, 1.0, 0.2])],
    "summary": [{"task": "copy", "length": 2, "other": "t5", "kind": "encoding", "mean": 0.05, "least": 0.04, "most": 0.06, "pairs": 2}],
}  # fmt: skip
DISTANCES = {
    "task": "reverse", "lengths": [2, 4, 6], "words_per_length": 4, "seed": 0, "models": [],
    "summary": [
        {"task": "reverse", "length": n, "other": other, "kind": kind, "mean": mean, "least": mean, "most": mean, "pairs": 1}
        for n, shift in ((2, 0.5), (4, 0.0), (6, 0.25))
        for other, kind, mean in (
            ("t5", "encoding", 0.01), ("t5", "encoding, other seed", 0.04 + shift), ("alibi", "encoding, other seed", 0.03 - shift / 2),
            ("other seed", "other seed", 0.011), ("uniform", "uniform", 0.125),
        )
    ],
}  # fmt: skip
VARIED = {"changed": "2 layers", "task": "replace", "pe": "t5", "digest": "d", "config": {}, "cpu_seconds": 1.0,
          "exact_match_in": [1.0, 0.5], "exact_match_beyond": [0.25, 0.0]}  # fmt: skip
ABLATED = {
    "claim": "true", "statement": "aa[0] = 3/t", "assumption": "one BOS, first", "without": "a BOS anywhere", "result": "needed",
    "by": "all 2 smaller tries keep the claim", "witness": {"word": ["<bos>", "<bos>"], "t": 2, "expected": "3/2", "found": "3"},
}  # fmt: skip
TRAINED = {"cell": "copy-nope-1", "status": "finished", "config": {"pe": "nope", "task": "copy", "seeds": [0], "recipe": {"steps": 7}},
           "scores": [scores([1.0, 0.5, 0.0])], "cpu_seconds": 1.5}  # fmt: skip
LIMIT = {"subject": "c", "arithmetic": "float32/float32/sdpa", "certified": 4093, "first_failure": None, "rows_run": 256,
         "collision": 11864338, "reason": "", "contradictions": []}  # fmt: skip


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> ledger.Ledger:
    """A false and a true claim verified, one never checked, a family, and a row of each further kind, read back from disk."""
    folder = tmp_path_factory.mktemp("ledger")
    file = folder / "mine.py"
    file.write_text(FALSE, encoding="utf-8")
    done(Job(str(file), ("false", "true"), folder))
    writer = ledger.Writer(folder, "more")
    writer.append(_rows.construction_row(load("absolute-position"), example=False))
    writer.append(_rows.construction_row(load("no-bos-collapse"), example=False))
    writer.append(ledger.row("compare", data=COMPARED, command=["nopeproof", "compare"]))
    writer.append(ledger.row("attention-distances", data=DISTANCES, command=["python", "experiments/attention_distances.py"]))
    writer.append(ledger.row("variation", data=VARIED))
    writer.append(ledger.row("training", data=TRAINED))
    writer.append(ledger.row("ablation", construction="mine", claim="true", data=ABLATED))
    writer.append(ledger.row("limits", construction="mine", claim="true", data=LIMIT))
    writer.append(ledger.row("properties", construction="mine", data={"checked": ["c: runs agree"], "failed": ["c: no"], "skipped": []}))
    writer.append(ledger.row("weather", data={"sun": True}, command=["look", "outside"]))
    return ledger.read_all(folder)


@pytest.fixture(scope="module")
def text(rows) -> str:
    """The page."""
    return html.page(rows)


def test_it_is_well_formed_and_every_link_leads_somewhere(text):
    page = Page(text)
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    links = [h for h in page.all("href") if h != "data:,"]
    assert len(links) > 20 and all(h.startswith("#") for h in links)
    assert {h[1:] for h in links} <= set(ids)


def test_it_asks_for_nothing_from_elsewhere(text):
    page = Page(text)
    assert not {"script", "iframe", "object", "img", "video"} & {tag for tag, _ in page.tags}
    assert page.all("src") == [] and not re.search(r"@import|url\((?!#)", text)
    policy = next(a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    assert policy and policy.startswith("default-src 'none'")
    addresses = set(re.findall(r"https?://[^\"'\s<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}, addresses


def test_what_a_user_writes_is_text_and_no_markup(text):
    assert "<script" not in text and "&lt;script&gt;" in text and "<i>not" not in text and "mean &lt;b&gt;" in text
    assert "<code>one</code>" in text  # only backticks in prose are markup


def test_the_same_rows_give_the_same_bytes(rows, text):
    assert html.page(rows) == text


def test_verdicts_are_told_by_word_and_mark_not_by_colour(text):
    said = " ".join(" ".join(Page(text).words).split())
    assert "✗ refuted" in said and "■ proved" in said and "· unchecked" in said and "does not stand" in said
    assert len(set(views.MARKS.values())) == len(views.MARKS)
    assert "1 of" in said and "claims about 3 constructions stand as stated" in said


def test_weights_stand_under_the_names_they_were_written_with(text):
    """Rows are written with sorted keys: the order of the subspaces, which is that of the coordinates, must survive."""
    table = re.search(r"<caption>W_E</caption>(.*?)</table>", text[text.index('id="mine"') :], re.DOTALL)
    assert table
    columns = re.findall(r'<th scope="col">(.*?)</th>', table[1])
    cells = {
        m[0]: re.findall(r"<td[^>]*>(.*?)</td>", m[1]) for m in re.findall(r'<th scope="row">(.*?)</th>(.*?)</tr>', table[1], re.DOTALL)
    }
    assert columns == ["zz", "bos", "aa[0]", "aa[1]"]
    assert cells == {"&lt;bos&gt;": ["1", "3", "0", "0"], "a": ["1", "0", "0", "0"], "b": ["0", "0", "0", "1"]}


def test_the_smallest_counterexample_is_drawn_where_it_fails(text):
    part = text[text.index('id="mine-false"') : text.index('id="mine-true"')]
    assert re.findall(r'<td class="failing">(.*?)</td>', part)[:2] == ["2", "a"] and "expected <code>1</code>" in part


def test_attention_of_the_example_is_shown(text):
    grids = re.findall(r'<table class="matrix heat"><caption>block 1, head 1: mean &lt;b&gt;</caption>(.*?)</table>', text, re.DOTALL)
    assert len(grids) == 1 and re.findall(r'--w:[^"]*">(.*?)</td>', grids[0])[:3] == ["1.00", "0.50", "0.50"]
    assert grids[0].count("masked") == 15  # of 6 x 6, the keys after the query


@pytest.mark.parametrize(
    "said",
    ["4,093", "11,864,338", "none &lt;= 256", "✗ breaks", "a BOS anywhere", "c: runs agree", "✗ c: no", "copy-nope-1", "nope/1", "0.0123"],
)
def test_every_kind_of_row_is_shown(text, said):
    assert said in text


def test_an_ablation_draws_its_word_and_marks_where_it_fails(text):
    cells = re.search(r'<span class="cells">(.*?)</td>', text, re.DOTALL)
    assert cells and re.findall(r'<span( class="failing")?>(&lt;bos&gt;)</span>', cells[1]) == [
        ("", "&lt;bos&gt;"),
        (' class="failing"', "&lt;bos&gt;"),
    ]
    assert "3, not 3/2" in cells[1] and "all 2 smaller tries keep the claim" in cells[1]


def test_links_of_a_figure_may_lead_out_of_it():
    document = '<svg xmlns="x"><a href="#there"><g id="here"/></a><use href="#here"/></svg>'
    part = svg.inline(document, "f1", "l")
    assert 'href="#there"' in part and 'id="f1-here"' in part and 'href="#f1-here"' in part


def test_the_nearest_encoding_is_that_of_other_seeds_at_the_length_trained_to(text):
    said = " ".join(" ".join(Page(text).words).split())
    assert "Of 1 tasks, NoPE's attention is nearest to alibi on 1; to T5's bias on 0." in said
    assert "replace 2 layers t5 0.750 (0.500 to 1.000) 0.125 (0.000 to 0.250)" in said
    assert "reverse 4 alibi 0.030, t5 0.040 0.011 0.125 – –" in said


def test_each_nope_model_has_its_verdict_beside_the_construction(text):
    said = " ".join(" ".join(Page(text).words).split())
    assert "Of the NoPE models held beside it: found: 1, not learned: 1." in said
    assert "copy nope/0 found 2.1 0.990 1 0.125 0.875 0.016" in said and "copy nope/1 not learned 2.1 0.990 0 – – 0.016" in said


def test_a_kind_without_a_section_is_listed_and_not_dropped(text):
    assert "1 of kind <code>weather</code> (<code>look outside</code>)" in text


def test_an_empty_ledger_makes_no_page():
    with pytest.raises(NopeproofError, match="the ledger is empty"):
        html.page(ledger.Ledger())


@pytest.mark.parametrize("kind", ["construction", "compare", "limits", "training"])
def test_a_row_without_its_parts_is_named(kind):
    broken = ledger.row(kind, construction="c", data={"models": [{}]})
    if kind == "training":  # every part of it may be missing: a run that failed at once has none
        assert "Runs" in html.page(ledger.Ledger((broken,)))
    else:
        with pytest.raises(NopeproofError, match="a row lacks what its kind holds"):
            html.page(ledger.Ledger((broken,)))


def test_two_figures_never_share_an_id():
    with svg.drawing() as figure:
        figure.subplots().plot([1, 2], [3, 4])
        document = svg.written(figure)
    one, two = (set(re.findall(r'id="([^"]+)"', svg.inline(document, p, "a <label>"))) for p in ("a", "b"))
    assert one and not one & two
    part = svg.inline(document, "a", 'a "label" & <more>')
    used = set(re.findall(r'(?:url\(|href=")#([^")]+)', part))
    assert used <= one and "#000000" not in part and "#ffffff" not in part and 'aria-label="a &quot;label&quot; &amp; &lt;more>"' in part


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_shows_it(text, tmp_path, browser, width, dark):
    page = tmp_path / "page.html"
    page.write_text(text, encoding="utf-8")
    seen = browser.look(page, width=width, dark=dark)
    assert seen.asked == [] and seen.dark is dark
    assert 0.01 < seen.inked.mean() < 0.5 and seen.inked[:, : width // 2].any()
    assert not seen.inked[:, -4:].any() and browser.overflow(page, width=width) <= 0  # nothing runs off the edge


@pytest.mark.slow
def test_a_browser_tells_what_a_page_asks_for_and_what_runs_off_its_edge(tmp_path, browser):
    page = tmp_path / "page.html"
    asks = '<img src="http://example.invalid/a.png"><link rel="stylesheet" href="https://example.invalid/b.css">'
    page.write_text(f'<title>t</title><body>{asks}<p style="width: 500px">wide</p></body>', encoding="utf-8")
    assert sorted(browser.look(page).asked) == ["http://example.invalid/a.png", "https://example.invalid/b.css"]
    assert browser.overflow(page, width=390) >= 110
