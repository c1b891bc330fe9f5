"""What a circuit costs, counted on its weights; of a family's member without writing the member down."""

from __future__ import annotations

from fractions import Fraction

from nopeproof.circuit import Block, Circuit, Family, Head, Units


def cost(subject: Circuit | Family, T: int = 1) -> dict[str, int]:
    """Of a circuit, or of a family's member for T: blocks, heads that are not open, hidden units, the largest FFN, non-zero weights.

    operations: multiplications and additions of the FFNs at one position, zeros skipped; attention is counted apart, a query
    against t keys in each head of `heads`.
    """
    circuit = subject.at(T) if isinstance(subject, Family) and subject.grows else subject
    whole = circuit.symbolic if isinstance(circuit, Family) else circuit
    sizes = [_units(b, T) for b in whole.blocks]
    weights = sum(n * w for units in sizes for n, w in units)
    widths = [sum(n for n, _ in units) for units in sizes]
    return {
        "blocks": len(whole.blocks),
        "heads": sum(isinstance(h, Head) for b in whole.blocks for h in b.heads),
        "units": sum(widths),
        "width": max(widths, default=0),
        "weights": weights,
        "operations": 2 * weights,
        "d_model": whole.d_model,
    }


def _units(block: Block, T: int) -> list[tuple[int, int]]:
    """(how many, weights of each) of the FFN's hidden units, ranges counted at T."""
    found = []
    for u in block.mlp.units if block.mlp else ():
        at = {"T": Fraction(T)}
        count = max(Units._count(u.last, at) - Units._count(u.first, at) + 1, 0) if isinstance(u, Units) else 1
        found.append((count, len(u.read.entries) + len(u.write.entries)))  # type: ignore[union-attr]
    return found
