"""The independent checkers, held against one run of what they certify: a certificate covers every word and row up to its end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks._timing import best


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """counter_kernel on the division clocks; kernel on the identities of Theorem 1."""
    from nopeproof import counter_kernel, kernel
    from nopeproof.checks.counter import read
    from nopeproof.checks.prove import prove
    from nopeproof.library import load
    from nopeproof.run import run
    from nopeproof.theory.rounding import arithmetic

    division = load("division-clock")
    for dtype in ("bfloat16", "float16", "float32", "float64"):
        claim = division.claim(dtype)
        clock: Any = read(claim)
        certificate = clock.certificate(arithmetic(dtype), claim.scope.t_max)
        seconds = best(lambda: counter_kernel.check(certificate))  # noqa: B023
        circuit = claim.circuit.instance(vocabulary=("a",))
        one = best(lambda: run(circuit, ["<bos>"] + ["a"] * 127, dtype))  # noqa: B023
        row = {"what": f"counter_kernel, {dtype}, T = {claim.scope.t_max:,}", "seconds": seconds}
        yield {**row, "ratio": seconds / one, "against": "a run of 128 rows"}
    for name, id in (("absolute-position", "recip"), ("absolute-position", "minimal"), ("sink-clock", "formula")):
        construction = load(name)
        claim = construction.claim(id)
        certificate = dict(prove(claim).certificate or {})  # an empty one is rejected
        seconds = best(lambda: kernel.check(certificate))  # noqa: B023
        circuit = construction.circuit(claim.subject.name, T=32, vocabulary=("a",))
        one = best(lambda: run(circuit, ["<bos>"] + ["a"] * 31, "exact"))  # noqa: B023
        row = {"what": f"kernel, {name}/{claim.id}, every T", "seconds": seconds}
        yield {**row, "ratio": seconds / one, "against": "an exact run of 32 rows"}
