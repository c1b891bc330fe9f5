"""The best any NoPE model can do: exact ceilings on accuracy from what it can tell apart, where they say something, and where not.

A model's answer is a function of its last state, and equal colours have equal states (prefix-colours). So on a finite set of
labelled prefixes no model of that depth, whatever its weights and training, is right more often than the commonest label
of each colour class is, and some model is right that often. A trained model above its ceiling would mean a bug in the measurement.

Where it says something: constant prompts without BOS (a coin, at every depth); one layer, which knows counts and no order: the
last token but one, the first token, copying. Where it is vacuous: sorting and counting at depth 1, and anything at all with BOS and two
layers, or without BOS and three layers unless the prompt is constant: there every prefix has a state of its own, and what limits
a model is precision, slopes and length, not distinguishing power.
"""

from fractions import Fraction

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.tasks import task
from nopeproof.theory.colours import words
from nopeproof.theory.task_ceilings import predictions
from nopeproof.theory.telling_apart import ceiling

kind = "characterisation"
uses = ["prefix-colours", "one-layer-counts", "no-bos-collapse"]
SOURCE = "haviv2022 for position probes; the ceilings are this project's"


def up_to(longest, label, least=1):
    """Every word over a, b of length least..longest with its label."""
    return lambda: [(w, label(w)) for w in words("ab", longest) if len(w) >= least]


def constant(longest):
    """a, a a, ..., labelled by the parity of the position."""
    return lambda: [(["a"] * n, "even" if n % 2 == 0 else "odd") for n in range(1, longest + 1)]


def tokens_of(spec, length):
    """Every next token of a task's answers to all sources of one length, the end of the answer too."""
    return lambda: list(predictions(task(spec), length))


def scrambled(word):
    """A label without rhyme or reason, but a function of the word."""
    return str(sum((i * i + 3) * (x == "a") for i, x in enumerate(word)) % 5)


def claim(id, models, says, examples, best, longest, note=""):
    """The best share of right answers, exactly."""
    scope = Scope(order="forall weights forall T", t_max=longest, words="bos-first" if models.bos else "any", vocabulary="given")
    return Claim(id, models, Shown(f"{says}: at best {best}", ceiling(examples, best)), scope, SOURCE, note=note)


deep = ModelClass("four NoPE layers without BOS", depth=4)
one = ModelClass("one NoPE layer with BOS", depth=1, bos=True)
two = ModelClass("two NoPE layers with BOS", depth=2, bos=True)

claims = [
    claim("position-parity", deep, "parity of t on constant prompts", constant(8), Fraction(1, 2), 8, "a coin, at any depth"),
    claim("last-but-one", one, "the last token but one, four tokens", up_to(4, lambda w: w[-2], 4), Fraction(3, 4), 5),
    claim("copy", one, "copying four symbols of two kinds, a token", tokens_of("copy:symbols=2", 4), Fraction(13, 16), 10),
    claim("sort", one, "sorting four symbols of three kinds, a token", tokens_of("sort:symbols=3", 4), Fraction(1), 10, "vacuous: counts"),
    claim("first-token", one, "the first of four tokens", up_to(4, lambda w: w[0], 4), Fraction(3, 4), 5),
    claim(
        "majority",
        one,
        "more a than b, up to six tokens",
        up_to(6, lambda w: str(w.count("a") * 2 > len(w))),
        Fraction(1),
        7,
        "vacuous: counts",
    ),
    claim("anything", two, "a scrambled label, up to six tokens", up_to(6, scrambled), Fraction(1), 7, "vacuous: every prefix has a state"),
]
