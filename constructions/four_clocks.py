"""Four clocks side by side: what each costs in width, in heads, in the size of its weights, and in precision.

                attention       FFN               largest weight                     needs
    minimal     uniform head    floor(T/2)        4 T - 2 (T even)                   nothing: exact
    rounding    uniform head    K = floor(sqrt T) 4 K^3 - 2 K + 1                    a reader that rounds
    sink        one head        none              B > 2 S^2 - S, S = T - 1           a reader that rounds; BOS score ln B
    sinks       T - 1 heads     none              over 4^S/S                         exact arithmetic

All four come within 1/2 of the position at every t <= T, here T = 12, in real arithmetic and with rational weights (scores:
logarithms of whole numbers). The FFN clocks give t, the sinks s = t - 1. What precision has to pay for is the amplitude: a
number of that size is formed and cancelled again. In float32 the first three are certified, for every order of summation, the
minimal one for every T up to some thousands, in bfloat16 up to some dozens; the fourth fails. How far each
reaches in a format is what `nopeproof limits` says; how much noise it bears, clock-margins and sink-margins.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Family
from nopeproof.claims import Claim, Fails, Scope, Within, after_ffn
from nopeproof.parts import cauchy_gains, clock_minimal, clock_rounding, sink_head, uniform_head
from nopeproof.residual import Residual
from nopeproof.theory.of_weights import of_weights

SOURCE = "kazemnejad2023, Thm 1 (App. C.1), four ways to the same clock; the comparison is this project's"
R = Residual(one=1, bos=1, clock=1)
T, S, B = 12, 11, 2 * 11**2 - 11 + 1
uses = ["absolute-position", "rounding-clock", "sink-clock", "cauchy-clock"]


def circuit(name, heads, mlp=None):
    """One layer on words of a single token."""
    tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one})
    return Circuit(R, tokens, blocks=[Block(heads, mlp, shared=[R.clock])], bos="<bos>", name=name)


uniform = [uniform_head([R.bos], [R.clock], name="1/t")]
every_minimal = Family(circuit("minimal", uniform, clock_minimal(R.one, R.clock)), T_min=2)
minimal = every_minimal.at(T)
rounding = circuit("rounding", uniform, clock_rounding(R.one, R.clock, T))
sink = circuit("sink", [sink_head(R.one, R.bos, R.clock, B, B)])
sinks = circuit("sinks", [sink_head(R.one, R.bos, R.clock, k, c) for k, c in enumerate(cauchy_gains(range(2, T + 1)), 2)])


def cost(heads, units, low, high):
    """That many heads and hidden units, and a largest weight between low and high (logarithms of scores apart)."""

    def check(circuit):
        [block] = circuit.blocks
        vectors = [v for h in block.heads for v in (*h.W_V, *h.W_O)] + [
            v for u in (block.mlp.units if block.mlp else ()) for v in (u.read, u.write)
        ]
        largest = max(abs(x) for v in vectors for _, x in v.entries)
        return len(block.heads) == heads and len(block.mlp.units if block.mlp else ()) == units and low <= largest <= high

    return of_weights(f"{heads} heads, {units} hidden units, largest weight from {low} to {high}", check)


def reads(origin, arithmetic="real"):
    """Within 1/2 of t, or of t - 1, at every t <= T."""
    return Within(after_ffn(1), R.clock, origin), Scope(t_max=T, vocabulary="given", arithmetic=arithmetic)


every = Scope(words="any")
CLOCKS = {  # name: (circuit, what it reads, its cost)
    "minimal": (minimal, "t", cost(1, T // 2, 4 * T - 2, 4 * T - 2)),
    "rounding": (rounding, "t", cost(1, 3, 103, 103)),
    "sink": (sink, "t - 1", cost(1, 0, B, B)),
    "sinks": (sinks, "t - 1", cost(T - 1, 0, 4**S // S, 10**15)),
}
claims = []
for name, (subject, origin, price) in CLOCKS.items():
    claims += [Claim(name, subject, *reads(origin), SOURCE), Claim(f"{name}-cost", subject, price, every, SOURCE)]
claims += [Claim(f"{name}-float32", CLOCKS[name][0], *reads(CLOCKS[name][1], "float32"), SOURCE) for name in ("rounding", "sink")]
statement, scope = reads("t - 1", "float32")
claims.append(Claim("sinks-float32", sinks, Fails(statement), scope, SOURCE, note="the gains cancel almost completely"))
for dtype, length in {"float32": 4000, "bfloat16": 32}.items():
    certified = Scope(order="forall T exists weights", t_max=length, vocabulary="given", arithmetic=dtype)
    claims.append(Claim(f"minimal-{dtype}", every_minimal, Within(after_ffn(1), R.clock, "t"), certified, SOURCE))
