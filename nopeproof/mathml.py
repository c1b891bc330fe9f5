"""Formulas as people type them, set as MathML: `recip = t - 1/t`, `|pos - t| < 1/2`, `score = ln(200)*(2*t*i - i**2)`.

Browsers draw MathML by themselves: no script, no font from elsewhere. `prose` finds the formulas in a sentence, `math` sets one,
and nothing but the standard library is used, so that the documentation's own environment can import it.

    relation := sum (= < <= ... sum)*       sum := term (+ - term)*       term := power (* / beside) power ...
    power := atom ^ power                   atom := number, name, call, (relation), |sum|, [relation], sum_k term, sum_{..}^{..} term
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape

TOKEN = re.compile(
    r"(?P<word>[A-Za-z]+(?:-[A-Za-z]{2,})+|[A-Za-z]+'\w*)"  # one-hot, a's: never part of a formula
    r"|(?P<number>\d+(?:\.\d+)?)|(?P<name>[A-Za-z][A-Za-z0-9]*(?:_[A-Za-z0-9]+)?|[α-ω]|\u2113)"
    r"|(?P<op>\*\*|<=|>=|!=|\.\.\.|\.\.|[-+*/^<>=|()\[\]{},_∃∀≤≥≠∈])|(?P<other>\S)"
)
SYMBOLS = {"<=": "≤", ">=": "≥", "!=": "≠", "<": "&lt;", ">": "&gt;", "-": "−", "...": "…", "..": "…", "|": "&#124;"}
RELATIONS = ("=", "<", ">", "<=", ">=", "!=", "≤", "≥", "≠", "∈")
GREEK = {"alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ", "lambda": "λ", "mu": "μ", "rho": "ρ"}
GREEK |= {"sigma": "σ", "tau": "τ", "phi": "φ", "pi": "π", "Sigma": "Σ", "Delta": "Δ"}
CALLED = ("relu", "ln", "log", "exp", "floor", "ceil", "fl", "min", "max", "sqrt", "rank", "Var", "Cov", "sin", "cos", "sign")
BESIDE = ("ln", "log", "sqrt", "floor")  # also without parentheses: ln 2
BIG = {"sum": "∑", "prod": "∏"}
TIMES, APPLY = "<mo>&#x2062;</mo>", "<mo>&#x2061;</mo>"


@dataclass(frozen=True)
class Token:
    """A piece of the text: its kind, where it starts and ends, and whether a space stands before it."""

    kind: str
    text: str
    start: int
    end: int
    spaced: bool

    @property
    def letter(self) -> bool:
        """A name of one letter, with or without a subscript; the article a is none."""
        return self.kind == "name" and len(self.text.partition("_")[0]) == 1 and self.text != "a"


@dataclass(frozen=True)
class Part:
    """A parsed piece: its MathML, what its parentheses hold, how many signs it has, whether it is one word of prose, the next token."""

    ml: str
    then: int
    signs: int = 0
    inside: str | None = None
    word: bool = False
    number: bool = False

    @property
    def bare(self) -> str:
        """Without its own parentheses, where a bar or a raised position holds it together."""
        return self.ml if self.inside is None else self.inside


def math(formula: str, *, stacked: bool = False) -> str:
    """One formula as a `<math>` element; fractions with a bar if `stacked`, else with a slash. Raises ValueError where it is none."""
    tokens = tokenise(formula)
    found = _Parser(tokens, stacked).relation(0)
    if found is None or found.then != len(tokens):
        raise ValueError(f"no formula: {formula!r}")
    return _element(found.ml, stacked)


def prose(text: str, *, stacked: bool = False) -> str:
    """Escaped HTML of a sentence: what stands in backticks as code, formulas as MathML (see `math`), the rest as it is."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one is not closed: it is no markup
        return _formulas(text, stacked)
    return "".join(f"<code>{escape(part)}</code>" if n % 2 else _formulas(part, stacked) for n, part in enumerate(parts))


def display(text: str) -> str:
    """Lines set apart, as a table of their columns if formulas stand in it; other lines as they are."""
    rows = [[prose(cell, stacked=True) for cell in re.split(r" {2,}", line.strip())] for line in text.splitlines() if line.strip()]
    if not any("<math" in cell for row in rows for cell in row):
        return f"<pre>{escape(text)}</pre>"
    wide = max(map(len, rows))
    whole = f'<td colspan="{wide}">'
    cells = [(whole if len(row) == 1 < wide else "<td>") + "</td><td>".join(row) + "</td>" for row in rows]
    return '<div class="scroll"><table class="formulas"><tbody><tr>' + "</tr><tr>".join(cells) + "</tr></tbody></table></div>"


def tokenise(text: str) -> list[Token]:
    """The text's pieces, none left out but spaces."""
    found: list[Token] = []
    for m in TOKEN.finditer(text):
        spaced = not found or found[-1].end < m.start()
        found.append(Token(str(m.lastgroup), m[0], m.start(), m.end(), spaced))
    return found


def _element(ml: str, stacked: bool) -> str:
    return f'<math displaystyle="true">{ml}</math>' if stacked else f"<math>{ml}</math>"


def _formulas(text: str, stacked: bool) -> str:
    tokens = tokenise(text)
    parser, out, at, n = _Parser(tokens, stacked), "", 0, 0
    while n < len(tokens):
        start = tokens[n]
        found = parser.relation(n) if start.spaced or tokens[n - 1].text in ("(", "[", ",") else None
        if found is not None and found.signs and (found.then == len(tokens) or _ends(tokens[found.then])):
            n, at, before = found.then, tokens[found.then - 1].end, text[at : start.start]
            joined = n < len(tokens) and not tokens[n].spaced  # a comma or a full stop is not left to the next line
            out += escape(before) + _element(found.ml, stacked) + ("&#x2060;" if joined else "")
        else:
            n += 1
    return out + escape(text[at:])


def _ends(after: Token) -> bool:
    """Whether a formula may end before this token."""
    return after.spaced or after.text in (",", ")", "]", "...") or after.kind == "other"


class _Parser:
    """Each method takes the position of a token and returns the longest piece that starts there, or None."""

    def __init__(self, tokens: list[Token], stacked: bool) -> None:
        self.tokens, self.stacked = tokens, stacked

    def at(self, n: int) -> Token:
        return self.tokens[n] if n < len(self.tokens) else Token("end", "", 0, 0, True)

    def op(self, n: int, *texts: str) -> bool:
        return self.at(n).kind == "op" and self.at(n).text in texts

    def chain(self, n: int, operand: Callable[[int], Part | None], signs: tuple[str, ...], words: bool) -> Part | None:
        """operand (sign operand)*, as far as it is no prose: two words with a sign between them are joined only where `words` says so,
        and a word that other words follow ends no formula ("count = number of a's").
        """
        left = operand(n)
        while left is not None and self.op(left.then, *signs):
            sign, following = self.at(left.then), self.at(left.then + 1)
            if sign.spaced != following.spaced or (sign.text in "<>" and not sign.spaced):  # "hold -2", E<o_m, o_n>
                break
            right = operand(left.then + 1)
            if right is None or (right.word and (self.at(right.then).kind in ("name", "word") or (left.word and not words))):
                break
            left = Part(f"{left.ml}<mo>{SYMBOLS.get(sign.text, sign.text)}</mo>{right.ml}", right.then, left.signs + right.signs + 1)
        return left

    def relation(self, n: int) -> Part | None:
        if self.op(n, "∃", "∀"):
            return self.quantifiers(n)
        return self.chain(n, self.span, RELATIONS, True)

    def quantifiers(self, n: int) -> Part | None:
        parts = []
        while self.op(n, "∃", "∀") and self.at(n + 1).kind == "name":
            parts.append(f"<mo>{self.at(n).text}</mo>{name(self.at(n + 1).text)}")
            n += 2
        return Part('<mspace width=".4em"/>'.join(parts), n, 1) if parts else None

    def span(self, n: int) -> Part | None:
        return self.chain(n, self.sum, ("..",), False)

    def sum(self, n: int) -> Part | None:
        sign = self.at(n).text if self.op(n, "-", "+") else ""
        if sign and self.at(n + 1).spaced:
            return None
        first = self.chain(n + bool(sign), self.term, ("+", "-"), False)
        if first is None or not sign:
            return first
        return Part(f"<mo>{SYMBOLS.get(sign, sign)}</mo>{first.ml}", first.then, first.signs + 1)

    def term(self, n: int) -> Part | None:
        left = self.power(n)
        while left is not None:
            sign = self.at(left.then)
            if self.op(left.then, "*", "/"):
                right = self.power(left.then + 1)
                if right is None or (sign.text == "/" and left.word and right.word):
                    break
                both, then = left.signs + right.signs + 1, right.then
                if sign.text == "/" and not self.stacked:
                    left = Part(f'{left.ml}<mo lspace="0" rspace="0">/</mo>{right.ml}', then, both)
                elif sign.text == "/":
                    left = Part(f"<mfrac><mrow>{left.bare}</mrow><mrow>{right.bare}</mrow></mfrac>", then, both)
                else:
                    dot = "<mo>·</mo>" if right.number or left.word or right.word else TIMES
                    left = Part(f"{left.ml}{dot}{right.ml}", then, both)
            elif self.beside(left.then):
                right = self.power(left.then)
                if right is None or right.word:
                    break
                left = Part(f"{left.ml}{TIMES}{right.ml}", right.then, left.signs + right.signs)
            else:
                break
        return left

    def beside(self, n: int) -> bool:
        """Whether what starts here is a factor of what stands before it: 2t, 2 C r, (n - 1)(1 - e), p^2 sqrt(t)."""
        last, this = self.at(n - 1), self.at(n)
        if not (last.letter or last.kind == "number" or last.text in (")", "}")):
            return False
        if this.kind == "name" and this.spaced:
            return this.letter or (this.text in CALLED and self.op(n + 1, "("))
        return self.op(n, "(") or (this.kind == "name" and last.kind == "number")

    def power(self, n: int) -> Part | None:
        base = self.atom(n)
        if base is None or not self.op(base.then, "^", "**"):
            return base
        at = base.then + 1
        if self.op(at, "-"):
            number = self.atom(at + 1)
            up = number and Part(f"<mo>−</mo>{number.ml}", number.then)
        else:
            up = self.braced(at) if self.op(at, "{") else self.power(at)
        if up is None:
            return base
        return Part(f"<msup><mrow>{base.ml}</mrow><mrow>{up.bare}</mrow></msup>", up.then, base.signs + 1)

    def braced(self, n: int) -> Part | None:
        inner = self.relation(n + 1)
        return Part(inner.ml, inner.then + 1) if inner and self.op(inner.then, "}") else None

    def atom(self, n: int) -> Part | None:
        this = self.at(n)
        if this.kind == "number":
            return Part(f"<mn>{this.text}</mn>", n + 1, number=True)
        if this.kind == "name":
            return self.named(n)
        for left, right in (("(", ")"), ("[", "]"), ("|", "|")):
            if self.op(n, left):
                inner = self.sum(n + 1) if left == "|" else self.relation(n + 1)
                if inner is None or not self.op(inner.then, right):
                    return None
                whole = fenced(left, inner.ml, right)
                plain = left == "(" and not inner.signs  # (t) is t
                bare = inner.ml if left == "(" else None
                signs = inner.signs + (left != "(")
                return Part(inner.ml if plain else whole, inner.then + 1, signs, bare, plain and inner.word, plain and inner.number)
        return None

    def named(self, n: int) -> Part | None:
        this, following = self.at(n), self.at(n + 1)
        if this.text in BIG and following.text == "_" and self.op(n + 2, "{"):
            return self.series(n)
        base, _, below = this.text.partition("_")
        if base in BIG and below:
            of = self.term(n + 1)
            return of and Part(f"<munder><mo>{BIG[base]}</mo>{name(below)}</munder>{of.ml}", of.then, of.signs + 1)
        called = this.text in CALLED or len(this.text.partition("_")[0]) == 1
        if called and self.op(n + 1, "(") and not following.spaced:
            return self.call(n)
        if this.text in BESIDE and (following.kind == "number" or following.letter):
            inner = self.power(n + 1)
            return inner and self.function(this.text, inner.ml, inner.then, inner.signs)
        if self.op(n + 1, "[") and not following.spaced:
            inner = self.sum(n + 2)
            if inner and self.op(inner.then, "]"):
                return Part(f"<msub>{name(this.text)}<mrow>{inner.ml}</mrow></msub>", inner.then + 1, 1)
        return Part(name(this.text), n + 1, word=not this.letter)

    def call(self, n: int) -> Part | None:
        arguments = self.relation(n + 2)
        signs, ml = 1, arguments.ml if arguments else ""
        while arguments and self.op(arguments.then, ","):
            arguments = self.relation(arguments.then + 1)
            ml += "<mo>,</mo>" + (arguments.ml if arguments else "")
        if arguments is None or not self.op(arguments.then, ")"):
            return Part(name(self.at(n).text), n + 1, word=not self.at(n).letter)
        return self.function(self.at(n).text, ml, arguments.then + 1, signs)

    def function(self, f: str, ml: str, then: int, signs: int) -> Part:
        if f == "sqrt":
            return Part(f"<msqrt>{ml}</msqrt>", then, signs + 1)
        if f in ("floor", "ceil"):
            left, right = ("⌊", "⌋") if f == "floor" else ("⌈", "⌉")
            return Part(fenced(left, ml, right), then, signs + 1)
        return Part(f"{name(f)}{APPLY}{fenced('(', ml, ')')}", then, signs + 1)

    def series(self, n: int) -> Part | None:
        low = self.braced(n + 2)
        high = self.braced(low.then + 1) if low and self.op(low.then, "^") and self.op(low.then + 1, "{") else None
        of = self.term(high.then) if high else None
        if low is None or high is None or of is None:
            return None
        return Part(
            f"<munderover><mo>{BIG[self.at(n).text]}</mo><mrow>{low.ml}</mrow><mrow>{high.ml}</mrow></munderover>{of.ml}",
            of.then,
            of.signs + 1,
        )


def fenced(left: str, ml: str, right: str) -> str:
    """Between brackets, which grow with fractions and sums only: a raised 2 alone makes them ugly."""
    grow = "" if any(tall in ml for tall in ("<mfrac", "<munder")) else ' stretchy="false"'
    return f"<mrow>{''.join(f'<mo{grow}>{SYMBOLS.get(b, b)}</mo>{rest}' for b, rest in ((left, ml), (right, '')))}</mrow>"


def name(text: str) -> str:
    """An identifier: W_Q with its subscript, Greek letters as such, more letters upright."""
    base, _, below = text.partition("_")
    one = f"<mi>{GREEK.get(base, base)}</mi>"
    return f"<msub>{one}{f'<mn>{below}</mn>' if below.isdigit() else f'<mi>{below}</mi>'}</msub>" if below else one
