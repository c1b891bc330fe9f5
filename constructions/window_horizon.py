"""A sliding window forgets: with windows of W keys and L layers a state knows its last L (W - 1) + 1 tokens, and no position beyond.

Each layer reaches W - 1 tokens further back, so the state at t is a function of the last L (W - 1) + 1 tokens. On BOS a a a ...
all states are equal from t = L (W - 1) + 2 on, in every NoPE model: no clock runs further. The bound is exact: the position
before is still told from that one, by colour refinement with windows.

A sink that stays visible for ever (BOS kept in the cache) does not help. At every t beyond the horizon a head sees the sink
once and W equal keys, so its weight e^b/(e^b + W) is the same everywhere: the sink steadies the scores and carries no count.
The clock of Theorem 1 needs the whole prefix: in a window it stops at 1/W, with BOS evicted it is 0.
"""

from nopeproof.claims import Claim, Scope, Shown
from nopeproof.models import ModelClass
from nopeproof.theory.telling_apart import depends_on_last, equal_from

kind = "impossibility"
uses = ["prefix-colours"]
SOURCE = "kazemnejad2023, Thm 1 needs the whole prefix; the horizon is this project's"
EVERY, ANY = Scope(order="forall weights forall T"), Scope(order="forall weights forall T", words="any")


def windowed(W, L, sinks=0):
    """All NoPE models of L layers with windows of W keys, and perhaps sinks."""
    extra = f" and {sinks} sink" if sinks else ""
    return ModelClass(
        f"{L} layers, windows of {W}{extra}",
        depth=L,
        mask="window",
        bos=True,
        sizes={"window": W, "sinks": sinks},
        about="on constant words",
    )


def constant(W, L):
    """The statement about BOS a a a ..."""
    end = L * (W - 1) + 2
    return Shown(f"on BOS a a a ... all states are equal from t = {end} on, and not before", equal_from(end))


def content(W, L):
    """The statement about any word."""
    reach = L * (W - 1) + 1
    return Shown(f"the last state is a function of the last {reach} tokens, not of fewer", depends_on_last(reach))


cases = [(2, 1), (3, 2), (4, 3), (5, 4)]
claims = [
    *(Claim(f"horizon-{W}-{L}", windowed(W, L), constant(W, L), EVERY, SOURCE) for W, L in cases),
    Claim("sink-no-help", windowed(4, 3, sinks=1), constant(4, 3), EVERY, SOURCE, note="the sink stays visible for ever"),
    Claim("content", ModelClass("2 layers, windows of 4", depth=2, mask="window", sizes={"window": 4}), content(4, 2), ANY, SOURCE),
]
