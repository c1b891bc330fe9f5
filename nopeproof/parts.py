"""Exact parts that several constructions share: uniform heads, and FFNs that turn 1/t into t.

The FFNs live in the paper's block: no biases (a coordinate that is constantly 1 stands in) and a residual connection,
so that writing t over 1/t in the same coordinate takes the output t - 1/t. Widths are in theory.md's sense exact.
"""

from __future__ import annotations

from collections.abc import Sequence

from nopeproof.circuit import MLP, Head, Unit, Units, VectorLike
from nopeproof.residual import Subspace, Vector

Direction = Vector | Subspace


def uniform_head(read: Sequence[VectorLike], write: Sequence[VectorLike], name: str = "uniform") -> Head:
    """W_Q = W_K = 0: every visible key gets the same weight under any norm; the mean of `read` is added to `write`."""
    return Head(W_Q=[0], W_K=[0], W_V=read, W_O=write, name=name)


def clock_minimal(one: Direction, recip: Direction) -> MLP:
    """From (1, 1/t) to t over 1/t with floor(T/2) hidden units, for every T >= 2 and 1 <= t <= T:

    t - 1/t = relu(5 - 7/t) + sum over k = 2..floor(T/2) of relu(4 - (8k - 2)/t).

    The points (1/t, t) are strictly convex, so a linear piece meets at most two of them: each unit serves two positions.
    """
    first = Unit(read=5 * one - 7 * recip, write=recip)
    rest = Units(read=4 * one - "8*k - 2" * recip, write=recip, first="2", last="T // 2")
    return MLP([first, rest])


def clock_basis(one: Direction, recip: Direction) -> MLP:
    """From (1, 1/t) to t over 1/t with T - 1 hidden units, one more for each position:

    t - 1/t = relu(3 - 3/t) + sum over j = 2..T-1 of relu(2 - 2j/t).

    This is f(t) = f(1) + sum c_j relu(1/j - 1/t), c_j = j(j+1) Df(j) - (j-1)j Df(j-1), at f(t) = t - 1/t.
    """
    first = Unit(read=3 * one - 3 * recip, write=recip)
    rest = Units(read=2 * one - "2*k" * recip, write=recip, first="2", last="T - 1")
    return MLP([first, rest])
