"""KV caches: decoding with one is the full pass, and three ways in which caches in use break the clock.

Under a causal mask no state depends on later tokens, so keys and values computed once serve for ever: token by token, the clock
of Theorem 1 and its FFN give the same exact numbers (`cached-recip`, `cached-position`), and
so does a sink head with its unequal scores (`cached-sink`).

What breaks it is never the cache but what is in it:
  evicted BOS       a cache of fixed size that drops its oldest key is a sliding window: 1/t, then 0. Keeping BOS as a sink mends
                    the sum and not the clock (sliding-window).
  visible padding   n pad tokens in front that nobody masks are n more keys: the head gives 1/(t + n), t counted from BOS. If they are
                    masked, for every later query, nothing changes: that is the causal mask on the word without them.
  packed documents  a second BOS in the same window, without a mask between documents, gives 2/t, and the second document starts
                    in the middle of the clock (repeated-bos).
"""

from dataclasses import replace

from nopeproof.circuit import Block, Circuit, Embedding, Family, Window
from nopeproof.claims import Claim, Equals, Fails, Holds, Scope, after_attention, after_ffn
from nopeproof.laws import Case, Law
from nopeproof.parts import clock_minimal, sink_head, uniform_head
from nopeproof.residual import Residual

SOURCE = "kazemnejad2023, Thm 1 in a decoder with a cache; xiao2024 for eviction and sinks"
R = Residual(one=1, bos=1, recip=1, sink=1, content=1)
uses = ["absolute-position", "sliding-window", "repeated-bos"]

heads = [
    uniform_head([R.bos], [R.recip], name="1/t"),
    sink_head(R.one, R.bos, R.sink, 7, 7),
]
tokens = Embedding({"<bos>": R.one + R.bos, "a": R.one + R.content, "b": R.one})
clock = Family(Circuit(R, tokens, blocks=[Block(heads, clock_minimal(R.one, R.recip))], bos="<bos>", name="clock"), T_min=2)
one_layer = Circuit(R, tokens, blocks=[Block(heads[:1])], bos="<bos>", name="1/t")
evicting = replace(one_layer, mask=Window(4), name="a cache of four keys")
with_sink = replace(one_layer, mask=Window(4, sinks=1), name="a cache of four keys and BOS")
padded = Circuit(R, Embedding({**tokens.tokens, "<pad>": R.one}), blocks=one_layer.blocks, name="padding in front")
recip = Equals(after_attention(1), R.recip, "1/t")


each_T = Scope(order="forall T exists weights", t_max="T", vocabulary="given", arithmetic="incremental")  # token by token, exact
uniform = Scope(vocabulary="given", arithmetic="incremental")


counted = Law(cases=[Case("recip", "m/t")], reads={"recip": (after_attention(1), R.recip)}, counts={"m": "<bos>"})


def neutral(trace):
    """With n pad tokens in front, recip is what it would be without them, 1/t with t counted from BOS."""
    word = list(trace.word)
    if word.count("<bos>") != 1 or any(x == "<pad>" for x in word[word.index("<bos>") :]):
        return True
    start = word.index("<bos>")
    return all(x * (t + 1 - start) == 1 for t, x in enumerate(trace.at(after_attention(1), "recip")) if t >= start)


any_word = Scope(words="any", vocabulary="given")
claims = [
    Claim("cached-recip", one_layer, recip, uniform, SOURCE),
    Claim("cached-position", clock, Equals(after_ffn(1), R.recip, "t"), each_T, SOURCE),
    Claim("cached-sink", clock, Equals(after_attention(1), R.sink, "7*(t - 1)/(t + 6)"), each_T, SOURCE),
    Claim(
        "full-position",
        clock,
        Equals(after_ffn(1), R.recip, "t"),
        replace(each_T, arithmetic="real"),
        SOURCE,
        note="the full pass",
    ),
    Claim("evicted-bos", evicting, Fails(recip), uniform, SOURCE, note="t = 5, when BOS leaves the cache"),
    Claim("kept-sink", with_sink, Fails(recip), uniform, SOURCE, note="the sum is mended, the clock is not"),
    Claim("visible-padding", padded, counted, any_word, SOURCE, note="1/(t + n) at the t-th token from BOS on, behind n pad tokens"),
    Claim("padding-not-neutral", padded, Fails(Holds("recip = 1/t behind visible padding", neutral)), any_word, SOURCE),
    Claim("packed-documents", one_layer, Fails(recip), any_word, SOURCE, note="a second BOS in the same window"),
]
