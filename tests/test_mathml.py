"""Formulas in sentences: found, well formed, and worth what was written; prose stays prose, and nothing passes unescaped."""

from __future__ import annotations

import random
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import sympy

from nopeproof import library, mathml
from nopeproof.mathml import display, math, prose
from nopeproof.report.views import paragraphs

HIDDEN = str.maketrans("", "", "\u2062\u2061\u2060")


def linear(html: str) -> str:
    """As `raw`, without the invisible signs."""
    return raw(html).translate(HIDDEN)


def raw(html: str) -> str:
    """HTML with MathML back as one line: ⟦...⟧ for a formula, braces for what bars and raised positions hold together."""

    def down(e: ET.Element) -> str:
        k = [down(x) for x in e]
        made = {
            "math": lambda: f"⟦{''.join(k)}⟧",
            "mfrac": lambda: f"{{{k[0]}}}/{{{k[1]}}}",
            "msup": lambda: f"{k[0]}^{{{k[1]}}}",
            "msub": lambda: f"{k[0]}_{{{k[1]}}}",
            "msqrt": lambda: f"sqrt{{{''.join(k)}}}",
            "munder": lambda: f"{k[0]}_{{{k[1]}}} ",
            "munderover": lambda: f"{k[0]}_{{{k[1]}}}^{{{k[2]}}} ",
        }.get(e.tag)
        return made() if made else (e.text or "") + "".join(part + (x.tail or "") for part, x in zip(k, e, strict=True))

    return down(ET.fromstring(f"<p>{html}</p>"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("recip = t - 1/t after FFN 1", "⟦recip=t−{1}/{t}⟧ after FFN 1"),
        ("score = -(t - i)/2 in block 2, head 1", "⟦score=−{t−i}/{2}⟧ in block 2, head 1"),
        ("|pos - (t)| < 1/2 after FFN 1", "⟦|pos−t|<{1}/{2}⟧ after FFN 1"),
        ("∃w ∀T; every t <= T; T <= 8", "⟦∃w∀T⟧; every ⟦t≤T⟧; ⟦T≤8⟧"),
        ("ln(200)*(2*t*i - i**2)", "⟦ln(200)(2ti−i^{2})⟧"),
        ("score = q(x_t)^T R^(i - t) k(x_i)", "⟦score=q(x_{t})^{T}R^{i−t}k(x_{i})⟧"),
        ("recip[0] = 1/t, t * first = 1", "⟦recip_{0}={1}/{t}⟧, ⟦t·first=1⟧"),
        ("sum_{j=2}^{T-1} relu(2 - 2j/t)", "⟦∑_{j=2}^{T−1} relu(2−{2j}/{t})⟧"),
        ("count = sum_k c_k/(s + B_k)", "⟦count=∑_{k} {c_{k}}/{s+B_{k}}⟧"),
        ("W_Q = m and sigma <= sqrt T", "⟦W_{Q}=m⟧ and ⟦σ≤sqrt{T}⟧"),
        ("the gap is 1/(2 (t-1)^4).", "the gap is ⟦{1}/{2(t−1)^{4}}⟧."),
        # what is no formula
        ("count = number of a's so far", "count = number of a's so far"),
        ("and/or, one-hot, a a b b, from | on", "and/or, one-hot, a a b b, from | on"),
        ("two states hold -2 and 2", "two states hold ⟦−2⟧ and 2"),
        ("polynomial:degree=3 and E<o_m, o_n>", "polynomial:degree=3 and E<o_m, o_n>"),
        ("the score - as printed - is t", "the score - as printed - is t"),
        ("(number of BOS so far)/t", "(number of BOS so far)/t"),
    ],
)
def test_what_is_a_formula_and_what_is_not(text, shown):
    assert linear(prose(text, stacked=True)) == shown


def test_a_slash_within_a_line_and_a_bar_where_there_is_room():
    assert linear(prose("t - 1/(t + 1)")) == "⟦t−1/(t+1)⟧" and "mfrac" not in prose("t - 1/t")
    assert linear(math("1/(t + 1)", stacked=True)) == "⟦{1}/{t+1}⟧" and 'displaystyle="true"' in math("1/t", stacked=True)


def test_markup_in_the_text_is_text():
    shown = prose("a <b>bold</b> `x < y` & t <= T")
    assert "<b>" not in shown and "<code>x &lt; y</code>" in shown and "&amp;" in shown
    assert prose("one ` too many & t <= T").count("`") == 1
    assert "<script" not in display("<script>alert(1)</script>  t = 1/2\nt <= T  no")


@pytest.mark.parametrize("text", ["", "recip", "t -", "(t", "1 +", "a of b", "t = "])
def test_what_is_no_formula_is_refused(text):
    if text == "recip":
        assert linear(math(text)) == "⟦recip⟧"
    else:
        with pytest.raises(ValueError, match="no formula"):
            math(text)


def test_lines_set_apart_are_a_table_if_formulas_stand_in_them():
    shown = display("    basis    t - 1/t = 2   T - 1 units\n    minimal  t = 3   few")
    assert shown.count("<tr>") == 2 and shown.count("<td>") == 6 and shown.count("<math") == 3
    assert display("a  plain & simple\n  block") == "<pre>a  plain &amp; simple\n  block</pre>"


def expression(rng: random.Random, depth: int = 4) -> str:
    """A random expression in t and i as a statement holds it."""
    if depth == 0 or rng.random() < 0.2:
        return rng.choice(["t", "i", "T", str(rng.randint(1, 30))])
    one, two = expression(rng, depth - 1), expression(rng, depth - 1)
    return rng.choice(
        [f"{one} + {two}", f"({one}) - ({two})", f"({one})*({two})", f"({one})/({two})", f"(-({one}))", f"({one})**2", f"ln({one})"]
    )


def worth(ml: str, at: dict[str, sympy.Rational]) -> float:
    """The number a formula has, read off its MathML alone, invisible signs of multiplication included."""
    text = raw(ml)[1:-1]
    for sign, instead in {"−": "-", "·": "*", "\u2062": "*", "\u2061": "", "^": "**", "{": "(", "}": ")", "ln": "log"}.items():
        text = text.replace(sign, instead)
    return float(sympy.N(sympy.sympify(text, locals=at)))


@pytest.mark.parametrize("stacked", [False, True])
def test_a_formula_is_worth_what_was_written(stacked):
    rng, tried = random.Random(0), 0
    at = {"t": sympy.Rational(7, 3), "i": sympy.Rational(5, 2), "T": sympy.Rational(11)}
    for _ in range(40):
        text = expression(rng)
        want = sympy.N(sympy.sympify(text.replace("ln", "log"), locals=at))
        if not want.is_real or not want.is_finite or abs(want) > 1e12:
            continue
        assert worth(math(text, stacked=stacked), at) == pytest.approx(float(want), rel=1e-9), text
        tried += 1
    assert tried > 20


def letters(text: str) -> str:
    """A text without spaces, brackets and signs of products, whose place MathML takes by its form; the rest in one spelling."""
    for sign, instead in {"−": "-", "≤": "<=", "≥": ">=", "≠": "!=", "∑": "sum", "∏": "prod", "…": "..", "...": ".."}.items():
        text = text.replace(sign, instead)
    for word, letter in mathml.GREEK.items():
        text = text.replace(word, letter)
    return re.sub(r"sqrt|floor|ceil|[\s()\[\]{}*^_`·⌊⌋⌈⌉\u2060-\u2062]", "", text)


def test_nothing_of_the_catalogue_is_lost():
    formulas = 0
    for name in library.names():
        c = library.load(name)
        claimed = [x for k in c.claims for x in (k.says, str(k.scope), k.note)]
        for text in dict.fromkeys([*claimed, *(text for kind, text in paragraphs(c.doc) if kind == "p")]):
            shown = prose(text)
            formulas += shown.count("<math")
            assert letters("".join(ET.fromstring(f"<p>{shown}</p>").itertext())) == letters(text)
    assert formulas > 700


def test_the_parser_needs_nothing_but_the_standard_library():
    source = Path(str(mathml.__file__)).read_text(encoding="utf-8")
    assert "import nopeproof" not in source and "from nopeproof" not in source
