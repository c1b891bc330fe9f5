"""The second kernel against the size of a circuit: Theorem 1's clock beside a head on dense contents, every token named."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

SIZES = ((8, 8), (16, 16), (32, 32), (64, 32), (128, 64))  # tokens, d_model


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """Processor seconds of coqc on one claim, for every T; against those on the smallest circuit. Nothing where coqc is missing."""
    from nopeproof.checks.prove import certificate_for, prove
    from nopeproof.export import coq
    from nopeproof.library import load

    if not coq.available():
        return
    proof = prove(load("absolute-position").claim("minimal"))
    smallest = None
    for tokens, d_model in SIZES[: 3 if quick else None]:
        certificate = certificate_for(clock(tokens, d_model), proof.certificate["hints"] if proof.certificate else {})
        seconds = processor(coq.text(certificate))
        smallest = smallest or seconds
        yield {
            "what": f"coqc, {tokens} tokens, d_model = {d_model}",
            "seconds": seconds,
            "ratio": seconds / smallest,
            "against": "the smallest of them",
        }


def clock(tokens: int, d_model: int) -> Any:
    """pos = t after the FFN, in a circuit whose tokens all have contents of their own, which another head reads and writes."""
    from nopeproof import Block, Circuit, Claim, Embedding, Equals, Family, Head, Residual, Scope, after_ffn
    from nopeproof.parts import clock_minimal, uniform_head

    R = Residual(one=1, bos=1, pos=1, content=d_model - 3)

    def dense(seed: int) -> Any:
        return sum((R.content[i] * f"{(seed * (i + 1)) % 7 + 1}/3" for i in range(d_model - 3)), R.zero)

    rows = [dense(n) for n in range(2)]
    vocabulary = {"<bos>": R.one + R.bos + dense(1), **{f"w{n}": R.one + dense(n) for n in range(tokens - 1)}}
    mixing = Head(W_Q=rows, W_K=rows, W_V=rows, W_O=rows, name="mixing")
    block = Block([uniform_head([R.bos], [R.pos], name="position"), mixing], mlp=clock_minimal(R.one, R.pos))
    circuit = Circuit(R, Embedding(vocabulary), blocks=[block], bos="<bos>", name=f"{tokens} tokens")
    scope = Scope(order="forall T exists weights", t_max="T", vocabulary="given")
    return Claim("position", Family(circuit, T_min=2), Equals(after_ffn(1), R.pos, "t"), scope)


def processor(text: str) -> float:
    """Seconds of coqc and what it started, the library being compiled. Raises RuntimeError if it does not accept."""
    from nopeproof.export.coq import coqc

    coqc.compiled()
    before = os.times()
    found = coqc.check(text)
    after = os.times()
    if not found.accepted:
        raise RuntimeError(found.reason)
    return after.children_user + after.children_system - before.children_user - before.children_system
