"""The head of Theorem 1 in float32 by its three routes, each in a process of its own: time of a run, and memory it adds.

Held against the least that any route must do at that T: one running sum over a vector of T x d_model numbers.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from benchmarks._timing import best

ROUTES = ("materialised", "sdpa", "streaming")
LENGTHS = (10**3, 10**4, 10**5, 10**6, 10**7)
PAIRS = {"materialised": 3 * 10**8, "sdpa": 2 * 10**9, "streaming": None}
"""How many pairs (t, i) a quadratic route is asked for: its own length beyond that is said to be left out, not guessed."""


def measure(quick: bool) -> Iterator[dict[str, Any]]:
    """One row a length and route."""
    for T in LENGTHS[:2] if quick else LENGTHS:
        for route in ROUTES:
            most = PAIRS[route]
            if most is not None and most < T * T:
                yield {"what": f"T = {T:,}, {route}", "left out": f"{T * T:.1e} pairs"}
                continue
            found = subprocess.run(
                [sys.executable, "-m", "benchmarks.theorem_one", route, str(T)], capture_output=True, text=True, check=True
            )
            yield {"what": f"T = {T:,}, {route}", **json.loads(found.stdout)}


def once(route: str, T: int) -> dict[str, Any]:
    """The best of three runs after one to warm up (of one run, where that takes more than a second), and the peak of memory added."""
    import torch

    from nopeproof.circuit import Block, Circuit, Embedding
    from nopeproof.parts import uniform_head
    from nopeproof.residual import Residual
    from nopeproof.run import run

    R = Residual(one=1, bos=1, recip=1, content=5)
    head = uniform_head([R.bos], [R.recip])
    circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}), [Block([head])], bos="<bos>")
    word = ["<bos>"] + ["a"] * (T - 1)
    run(circuit, word[:64], "float32", route=route)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = best(lambda: run(circuit, word, "float32", route=route))
    added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    plain = torch.ones(T, circuit.d_model)
    least = best(lambda: plain.cumsum(0))
    return {"seconds": seconds, "MiB added": added, "against": "one running sum", "ratio": seconds / least}


if __name__ == "__main__":
    print(json.dumps(once(sys.argv[1], int(sys.argv[2]))))
