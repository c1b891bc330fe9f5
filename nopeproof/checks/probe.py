"""Probes: the facts about a platform that a float certificate rests on, measured on the very routes it speaks of.

Each probe runs a small circuit, or a few torch operations, whose exact result is known, and records what it saw. A probe
is evidence for a hypothesis, not a proof of it: kernels may differ by shape. What one refutes, no certificate assumes:
it shrinks (a larger e_0, a narrower accumulator, underflow flushed to zero) or is not given at all (no rounding to nearest).
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import after_attention, after_ffn
from nopeproof.division import STORED, division_clock
from nopeproof.division import R as DIVISION
from nopeproof.errors import NopeproofError
from nopeproof.residual import Residual
from nopeproof.theory.precision import FORMATS, Format, exponent, first_collision, format_named, round_to
from nopeproof.theory.rounding import Arithmetic

ROWS, VALUES, TERMS = 320, 24, 64


@dataclass(frozen=True)
class Probe:
    """One fact: what was expected, what was seen."""

    name: str
    expected: str
    seen: str
    ok: bool

    def __str__(self) -> str:
        return f"{self.name}: {self.seen}" if self.ok else f"{self.name}: expected {self.expected}, seen {self.seen}"

    def as_json(self) -> dict:
        """Plain data."""
        return dict(vars(self))


@dataclass(frozen=True)
class Facts:
    """All probes of one arithmetic, and what they leave of it."""

    probes: tuple[Probe, ...]
    e_0: Fraction = Fraction(0)

    @property
    def failed(self) -> tuple[str, ...]:
        """What the probes refute."""
        return tuple(str(p) for p in self.probes if not p.ok)

    @property
    def said(self) -> tuple[str, ...]:
        """The hypotheses as probed."""
        return tuple(f"probed: {p}" for p in self.probes)

    def shrink(self, how: Arithmetic) -> Arithmetic | None:
        """The arithmetic a certificate may assume here; None if not even rounding to nearest holds."""
        bad = {p.name.split(" of ")[0] for p in self.probes if not p.ok}
        if bad & {"rounding", "head", "run"}:
            return None
        narrow = how.storage if "accumulator" in bad else how.accumulator
        if "accumulator" in bad and how.storage == how.accumulator:
            return None
        if self.e_0 and how.route == "streaming":  # rescaling would repeat the error in each step
            return None
        return replace(how, accumulator=narrow, e_0=max(how.e_0, self.e_0), flush=how.flush or "underflow" in bad)


@lru_cache(maxsize=32)
def facts(how: Arithmetic, device: str = "cpu") -> Facts:
    """Probe the running platform for one storage format, accumulator and route; cached."""
    try:
        head, e_0 = _head(how, device)
        found = [*_storage(how, device), head, *_accumulator(how, device), *_switches(how)]
    except NopeproofError as bad:
        return Facts((Probe("run", f"a torch run in {how}", bad.message.replace("\n", "; "), False),))
    except (RuntimeError, NotImplementedError) as bad:  # torch has no such kernel here
        return Facts((Probe("run", f"a torch run in {how}", str(bad).splitlines()[0], False),))
    return Facts(tuple(found), e_0)


def torch_dtype(fmt: Format) -> Any:
    """The torch dtype of a format."""
    import torch

    return getattr(torch, {"float8_e4m3": "float8_e4m3fn"}.get(fmt.name, fmt.name))


def _storage(how: Arithmetic, device: str) -> list[Probe]:
    import torch

    dtype, u = torch_dtype(how.storage), float(how.storage.u)
    one = torch.ones(17, dtype=dtype, device=device)
    seen = [(one + y * one).double().unique().tolist() for y in (u, 3 * u, -u / 2, -3 * u / 2)]
    nearest = seen == [[1.0], [1 + 4 * u], [1.0], [1 - 2 * u]]
    cast = torch.tensor([1 + u, 1 + 3 * u, 1 + u * 1.25], dtype=torch.float64).to(dtype).double().tolist() == [1, 1 + 4 * u, 1 + 2 * u]
    kept = bool((torch.full((17,), float(how.storage.tiny), dtype=dtype, device=device) * 0.5).double().min() > 0)
    name = str(how.storage)
    good, said = nearest and (how.storage.p == 53 or cast), "to nearest, ties to even"
    return [
        Probe(f"rounding of {name} sums", said, said if good else f"{seen}, casts {cast}", good),
        Probe(f"underflow of {name}", "gradual", "gradual" if kept else "flushed to zero", kept),
    ]


def _run(circuit: Circuit, T: int, how: Arithmetic, device: str) -> Any:
    from nopeproof.run import run

    return run(circuit, ["<bos>"] + ["a"] * (T - 1), how.storage.name, route=how.route, device=device)


def _head(how: Arithmetic, device: str) -> tuple[Probe, Fraction]:
    """exp(0) as this route sees it: uniform rows x^ = v/t for many v and t, each of which confines 1 + e.

    If e_0 = 0 explains every row it is taken; else the least and largest e that explain the rows at multiples of 64
    (whole vectors) are the bracket, and e_0 the larger end; every other row must then obey it too.
    """
    # d_head = d_v, as fused kernels ask for
    numbers = [Fraction(2 * VALUES + 2 * j + 1, 64) for j in range(VALUES)]
    R = Residual(one=1, mark=VALUES, mean=VALUES)
    head = Head(
        W_Q=[R.zero] * VALUES, W_K=[R.zero] * VALUES, W_V=[R.mark[j] for j in range(VALUES)], W_O=[R.mean[j] for j in range(VALUES)]
    )
    bos = R.one + sum((numbers[j] * R.mark[j] for j in range(VALUES)), R.zero)
    circuit = Circuit(R, Embedding({"<bos>": bos, "a": R.one.vector}), [Block([head])], bos="<bos>")
    rows = _run(circuit, ROWS, how, device).at(after_attention(1), R.mean).double().tolist()
    again = 0 if how.route == "sdpa" else how.u_s  # weights are stored before they meet v
    slack = (1 + how.u_a) ** 4 * (1 + again) - 1
    seen = []
    for t in range(1, ROWS + 1):
        for v, x in zip(numbers, rows[t - 1], strict=True):
            if not 0 < x < 64:
                return Probe("head", "v/t up to rounding", f"{x} for {v}/{t}", False), Fraction(0)
            half = how.storage.u * Fraction(2) ** exponent(Fraction(x)) + how.eta
            seen.append((t, (Fraction(x) - half) * t / v, (Fraction(x) + half) * t / v))

    def explained(e: Fraction) -> bool:
        low, high = (1 - slack) * (1 - e) / (1 + e), (1 + slack) * (1 + e) / (1 - e)
        return all(low <= above and below <= high for _, below, above in seen)

    if explained(Fraction(0)) and (how.route == "sdpa" or _exp_is_one(how, device)):
        said = f"exp(0) = 1 explains all {len(seen)} values of v/t seen, t <= {ROWS}"
        return Probe("head", "exp(0) = 1 explains v/t", said, True), Fraction(0)
    wide = [(below, above) for t, below, above in seen if t % 64 == 0]
    low, high = max((1 - slack) / above for _, above in wide), min((1 + slack) / below for below, _ in wide)
    e_0 = max(abs(low - 1), abs(high - 1))
    if low > high or e_0 > Fraction(1, 64) or not explained(e_0):
        worst = max(max(below - 1, 1 - above) for _, below, above in seen)
        return Probe("head", "v/t up to rounding", f"off by {float(worst):.3g}, relative, beyond rounding", False), Fraction(0)
    said = f"exp(0) - 1 lies in {float(low - 1):.4g} .. {float(high - 1):.4g}, from {len(wide)} values; it explains all {len(seen)}"
    return Probe("head", "exp(0) = 1 explains v/t", said, True), e_0


def _exp_is_one(how: Arithmetic, device: str) -> bool:
    """Whether torch.exp(0) is 1 in every lane, in storage and accumulator format."""
    import torch

    zeros = [torch.zeros(n, dtype=torch_dtype(f), device=device) for n in (1, 7, 64, 321) for f in (how.storage, how.accumulator)]
    return all(bool((z.exp() == 1).all()) for z in zeros)


def _accumulator(how: Arithmetic, device: str) -> list[Probe]:
    """Sums that the declared accumulator gets right in any order and a narrower one in hardly any; one per sub-layer."""
    rng = random.Random(0)
    p_s, p_a, bits = how.storage.p, how.accumulator.p, TERMS.bit_length()
    high = p_a - bits - p_s if p_a > p_s else 0
    digits = p_s if p_a > p_s else p_a - bits
    whole = [rng.randrange(1 << (digits - 1), 1 << digits) * rng.choice([-1, 1]) for _ in range(TERMS)]
    numbers = [Fraction(n * 2 ** rng.randrange(max(high, 0) + 1)) for n in whole]
    scale = Fraction(1, 1 << max(p_s, 1))
    terms = [n * scale for n in numbers]
    rest = sum(terms, Fraction(0))
    terms += _split(-rest + scale, p_s)  # the whole is one unit of the least weight: nothing may be lost
    if sum(abs(t) for t in terms) / scale > 2**p_a:
        raise NopeproofError("the accumulator probe", f"{how.accumulator} cannot hold it", "fewer terms")
    ffn, name = _ffn_sum(terms, how, device), str(how.accumulator)
    ok = set(ffn) == {scale}
    missed = next((float(x) for x in ffn if x != scale), None)
    seen = f"{name} or wider: a cancelling sum of {len(terms)} terms is exact" if ok else f"narrower: {missed:.6g} for {float(scale):.6g}"
    S = Fraction(2) ** min(how.storage.emax // 2, 10)
    small = S * how.accumulator.u * Fraction(7, 4)
    after = set(_ffn_sum([S, small, -S], how, device)) if small >= how.storage.tiny * how.storage.u * 8 else {small}
    nearest = after <= {small, S * how.accumulator.u * 2}
    shown = "to nearest" if nearest else f"1 + 1.75 u - 1 gives {sorted(float(x / S / how.accumulator.u) for x in after)} u"
    return [
        Probe(f"accumulator of {how.storage} sums", f"{name} or wider", seen, ok),
        Probe(f"rounding of {name} partial sums", "to nearest", shown, nearest),
    ]


def _split(x: Fraction, p: int) -> list[Fraction]:
    """x as a sum of numbers of p bits."""
    out = []
    while x:
        grain = Fraction(2) ** max(x.numerator.bit_length() - p, 0) / x.denominator
        part = Fraction(int(x / grain)) * grain
        out.append(part)
        x -= part
    return out


def _ffn_sum(terms: list[Fraction], how: Arithmetic, device: str) -> list[Fraction]:
    """The terms summed by an FFN's second matrix product, at 64 rows."""
    R = Residual(one=1, total=1)
    units = [Unit(read=abs(x) * R.one, write=R.total if x > 0 else -R.total) for x in terms]
    circuit = Circuit(R, Embedding({"<bos>": R.one.vector, "a": R.one.vector}), [Block(mlp=MLP(units))], bos="<bos>")
    return [Fraction(x) for x in _run(circuit, 64, how, device).at(after_ffn(1), R.total).double().tolist()]


def _switches(how: Arithmetic) -> list[Probe]:
    """Global torch settings that allow less than the declared arithmetic."""
    import torch

    out = []
    if how.accumulator == FORMATS["float32"]:
        tf32 = bool(torch.backends.cuda.matmul.allow_tf32) and torch.cuda.is_available() and how.storage == format_named("float32")
        out.append(Probe("accumulator of float32 on CUDA", "no TF32", "TF32 allowed" if tf32 else "TF32 off, or no CUDA", not tf32))
    if how.storage.name == "float16" and torch.cuda.is_available():
        reduced = bool(torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction)
        said = "reduced precision allowed" if reduced else "float32"
        out.append(Probe("accumulator of float16 on CUDA", "float32 reductions", said, not reduced))
    return out


# --- what a division clock rests on, beyond the above ----------------------------------------------------------------


@lru_cache(maxsize=32)
def quotient_probe(how: Arithmetic, device: str = "cpu") -> tuple[Probe, Fraction]:
    """Whether this route's 1/t is the quotient rounded to nearest (then stored), and how many spacings it is off at most.

    Every t <= `ROWS` in one run, and single rows further on, next to powers of two and thrice them. With exp(0) != 1 nothing is asked.
    """
    from nopeproof.run.counter import single

    name = f"quotient of {how.route}"
    if how.e_0:
        return Probe(name, "nothing, as exp(0) is not 1", "bounded with the rest", True), Fraction(1, 2)
    R = Residual(one=1, bos=1, recip=1)
    head = Head(W_Q=[R.zero], W_K=[R.zero], W_V=[R.bos], W_O=[R.recip])
    circuit = Circuit(R, Embedding({"<bos>": R.one + R.bos, "a": R.one.vector}), [Block([head])], bos="<bos>")
    seen = dict(enumerate(_run(circuit, ROWS, how, device).at(after_attention(1), R.recip).double().tolist(), 1))
    last = min(first_collision(how.storage), 2**17)
    far = sorted({n * 2**e + d for e in range(last.bit_length()) for n in (1, 3) for d in (-1, 0, 1) if ROWS < n * 2**e + d <= last})
    route = "sum" if how.route == "streaming" else how.route
    seen |= dict(zip(far, single(far, how.storage.name, route, device).double().tolist(), strict=True)) if far else {}
    off = {t: _spacings_off(Fraction(x), t, how) for t, x in seen.items()}
    worst = max(off, key=lambda t: off[t])
    if not off[worst]:
        return Probe(name, "1/t rounded to nearest", f"all {len(seen)} of them are, t <= {max(seen)}", True), Fraction(1, 2)
    said = f"off by {off[worst]} of {how.accumulator}'s spacings at t = {worst}, for example"
    return Probe(name, "1/t within one spacing", said, off[worst] <= 1), Fraction(1)


def _spacings_off(x: Fraction, t: int, how: Arithmetic) -> Fraction:
    """0 if x is 1/t rounded to nearest and stored; else its distance from the nearest stored image of 1/t +- one spacing, plus 1."""
    y = Fraction(1, t)
    if x == round_to(round_to(y, how.accumulator), how.storage):
        return Fraction(0)
    spacing = 2 * how.accumulator.u * Fraction(2) ** exponent(y)
    low, high = (round_to(y + d * spacing, how.storage) for d in (-1, 1))
    return 1 + max(low - x, x - high, Fraction(0)) / spacing


@lru_cache(maxsize=32)
def division_probe(how: Arithmetic, device: str = "cpu") -> Probe:
    """Whether torch divides as the certificate says: floats around 1/t, one spacing up and down, against integer arithmetic."""
    import torch

    from nopeproof.run.counter import divide

    fmt, dtype, name = how.storage, torch_dtype(how.storage), f"division in {how.storage}"
    if fmt.name not in STORED:
        return Probe(name, "a format of torch's matrix products", f"{fmt}", False)
    J = min(fmt.p - 1, 24)
    near = {2**e + d for e in range(J + 1) for d in (-1, 0, 1, 2**e // 3)} | {first_collision(fmt) % 2**J or 1}
    xs = torch.tensor([float(round_to(Fraction(1, t), fmt)) for t in sorted(near) if 1 <= t < 2**J], dtype=torch.float64)
    xs = torch.cat([xs * (1 + d * 2.0 ** (1 - fmt.p)) for d in (-1, 0, 1)]).to(dtype).to(device)
    xs = xs[(xs <= 1) & (xs.double() > 2.0 ** -(J + 1))]
    found = divide(division_clock(J, fmt.name), xs, 2 * (J + 2), DIVISION.pos.start).double().tolist()
    wrong = [x for x, q in zip(xs.double().tolist(), found, strict=True) if q != nearest_quotient(Fraction(x))]
    said = f"exact on all {len(found)} numbers tried" if not wrong else f"wrong on {len(wrong)} of {len(found)}, first {wrong[0]:.9g}"
    return Probe(name, "floor(1/x + 1/2)", said, not wrong)


def nearest_quotient(x: Fraction) -> int:
    """floor(1/x + 1/2)."""
    return (2 * x.denominator + x.numerator) // (2 * x.numerator)
