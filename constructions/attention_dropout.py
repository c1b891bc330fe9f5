"""Attention dropout on the clock: right on average, erased with probability p, and never decoded while dropout is on.

Dropout with rate p sets each attention weight to 0 with probability p and divides the others by 1 - p. In the uniform head only
the weight on BOS carries a value, so at each t the head's output is (1/t)/(1 - p) with probability 1 - p, and 0 otherwise.
With H heads that share the work, each writing 1/(H t), and n of them kept, it is n/(H (1 - p) t). Over all 2^H patterns,

    mean      1/t, exactly                                    (`mean`)
    erased    with probability p^H                            (`erased`: the pattern with n = 0 writes 0)
    variance  p/((1 - p) H) / t^2, relative size sqrt(p/((1 - p) H)), the same at every t.

The exact clocks bear a relative error of 1/(2 T) or so (clock-margins), and no pattern of one head is that near to 1/t: kept,
it is off by the factor 1/(1 - p), for p = 1/10 beyond the margin from T = 4 on (`never-decoded`). So a position read off one head is
unusable at training time; averaging needs H of the order T^2 heads. At p = 0 all of this is gone.

The circuit has one coordinate for each of the patterns, so that every pattern is run, and the averages are sums over coordinates.
"""

from fractions import Fraction
from itertools import product

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Family, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, Within, after_attention, after_ffn
from nopeproof.parts import clock_minimal, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.rows import each_row

SOURCE = "srivastava2014; kazemnejad2023, Thm 1 and its dropout of 1/10 in training"
H, P = 3, Fraction(1, 10)
PATTERNS = list(product((0, 1), repeat=H))
R = Residual(one=1, bos=1, out=len(PATTERNS), mean=1)
uses = ["absolute-position", "clock-margins"]


def chance(pattern):
    """The probability of a pattern of kept (1) and dropped (0) weights."""
    kept = sum(pattern)
    return (1 - P) ** kept * P ** (H - kept)


heads = [
    uniform_head(
        [R.bos],
        [sum((Fraction(pattern[h]) / (H * (1 - P)) * R.out[n] for n, pattern in enumerate(PATTERNS)), R.zero)],
        name=f"head {h + 1}",
    )
    for h in range(H)
]
average = MLP([Unit(read=sum((chance(p) * R.out[n] for n, p in enumerate(PATTERNS)), R.zero), write=R.mean)])


def tokens_of(stream):
    """BOS and one other token."""
    return Embedding({"<bos>": stream.one + stream.bos, "a": stream.one})


circuit = Circuit(R, tokens_of(R), blocks=[Block(heads, average, shared=[R.out])], bos="<bos>", name=f"{H} heads, p = {P}")


def variance(t, out):
    """sum_patterns chance (out - 1/t)^2 = p/((1 - p) H)/t^2."""
    return sum(chance(p) * (x - 1 / t) ** 2 for p, x in zip(PATTERNS, out, strict=True)) == P / ((1 - P) * H) / t**2


def erased(_, out):
    """The output is 0 with probability p^H."""
    return sum(chance(p) for p, x in zip(PATTERNS, out, strict=True) if x == 0) == P**H


S = Residual(one=1, bos=1, pos=1)
T = 8


def single(gain):
    """One head of one pattern, and the minimal clock for T."""
    family = Family(
        Circuit(
            S,
            tokens_of(S),
            blocks=[Block([uniform_head([S.bos], [gain * S.pos], name="1/t")], clock_minimal(S.one, S.pos))],
            bos="<bos>",
            name=f"one head, gain {gain}",
        ),
        T_min=2,
    )
    return family.at(T)


decodes = Within(after_ffn(1), S.pos, "t")
every, short = Scope(vocabulary="given"), Scope(t_max=T, vocabulary="given")
claims = [
    Claim("mean", circuit, Equals(after_ffn(1), R.mean, "1/t"), every, SOURCE, note="sum over all 2^H patterns, each with its chance"),
    Claim("all-kept", circuit, Equals(after_attention(1), R.out[len(PATTERNS) - 1], "10/(9*t)"), every, SOURCE, note="1/(1 - p) too large"),
    Claim("all-dropped", circuit, Equals(after_attention(1), R.out[0], "0"), every, SOURCE),
    Claim("variance", circuit, each_row("variance p/((1 - p) H)/t^2", after_attention(1), R.out, variance), every, SOURCE),
    Claim("erased", circuit, each_row("erased with probability p^H", after_attention(1), R.out, erased), every, SOURCE),
    Claim("no-dropout", single(Fraction(1)), decodes, short, SOURCE),
    Claim("never-decoded", single(1 / (1 - P)), Fails(decodes), short, SOURCE, note="a kept weight is 10/9 of what it was"),
    Claim("dropped", single(Fraction(0)), Fails(decodes), short, SOURCE, note="a dropped one leaves nothing"),
]
