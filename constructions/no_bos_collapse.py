"""Without a BOS token, constant words carry no position: all states are equal, in every layer.

Let the mask be causal (a position sees itself) and x = a a ... a without BOS. If all states of a layer are equal, every
attention average is one of equal values with weights that sum to 1, so it is that value, whatever the scores are; the
FFN and the norm act alike on equal states. By induction h^l_1 = ... = h^l_t for every l. It does not matter how the
scores come about, so rotary, ALiBi and T5 biases in the scores collapse too; what is added to the stream does not.

What is checked. `every-encoding`: the induction, for softmax attention with any scores under a causal or windowed mask, for
each encoding that enters through scores. It is refused for encodings of the stream, a strict mask, or weights that do not sum
to 1, and each of these breaks the barrier indeed. `layer-1`, `layer-2`: two layers with arbitrary W_Q and W_K, every entry a
free symbol; the flag that all tokens carry is averaged to 1 at every t, in both layers, for every length. `equal-states`: the
whole state of three layers, with a free symbol for every entry of every matrix. `no-clock`: the head of Theorem 1 gives 1, not
1/t, where its BOS is left out. `two-tokens` shows what breaks the barrier beside BOS: a word that is not constant. Another is a
strict mask (see strict-mask).
"""

from nopeproof.circuit import MLP, Block, Circuit, Embedding, Head, Unit
from nopeproof.claims import Claim, Equals, Fails, Scope, Shown, after_attention, after_ffn
from nopeproof.laws import EqualStates
from nopeproof.models import ModelClass
from nopeproof.residual import Residual
from nopeproof.theory.collapse import constant_words

kind = "impossibility"
SOURCE = "kazemnejad2023, Thm 1 needs its BOS; the barrier is known from bhattamishra2020 on"
R = Residual(one=1, first=1, second=1, content=2)


def any_vector(name):
    """A row with every entry a free symbol."""
    return sum((s.free(f"{name}_{s.name}_") for s in R), R.zero)


def head(name, write):
    """Arbitrary scores; averages the coordinate that all tokens share."""
    rows = [any_vector(f"{name}{n}") for n in range(4)]
    return Head(W_Q=rows[:2], W_K=rows[2:], W_V=[R.one], W_O=[write], name=name)


blocks = [
    Block(heads=[head("one", R.first)], mlp=MLP([Unit(read=3 * R.first - R.one, write=R.second)])),
    Block(heads=[Head(W_Q=[any_vector("p")], W_K=[any_vector("q")], W_V=[R.first - 2 * R.second], W_O=[R.second], name="two")]),
]
constant = Circuit(R, Embedding({"a": R.one + R.content[0]}), blocks=blocks, name="constant words")
mixed = Circuit(R, Embedding({"a": R.one + R.content[0], "b": R.content[1]}), blocks=blocks[:1], name="two tokens")


def any_layer(n):
    """A head and a hidden unit, every entry a free symbol."""
    W_Q, W_K, W_V, W_O = ([any_vector(f"{name}{n}")] for name in ("q", "k", "v", "o"))
    return Block([Head(W_Q, W_K, W_V, W_O, name="any")], MLP([Unit(any_vector(f"u{n}"), any_vector(f"w{n}"), f"b{n}")]))


deep = Circuit(R, Embedding({"a": any_vector("a")}), blocks=[any_layer(n) for n in range(3)], name="three arbitrary layers")
words = Scope(words="any", vocabulary="given")
equal_states = EqualStates()

every_score = ModelClass("any scores, no BOS", positions=("nope", "alibi", "t5", "fire", "rotary", "rotary:fraction=0.25"))
windowed = ModelClass("any scores in a window, no BOS", mask="window", positions=("nope", "rotary"), sizes={"window": 3})
EVERY = Scope(order="forall weights forall T", words="any")
collapse = Shown("on constant words all positions have the same state in every layer", constant_words)

claims = [
    Claim("every-encoding", every_score, collapse, EVERY, "luo2022, right-stochastic attention; bhattamishra2020"),
    Claim("every-encoding-window", windowed, collapse, EVERY, "luo2022, right-stochastic attention; bhattamishra2020"),
    Claim("layer-1", constant, Equals(after_attention(1), R.first, "1"), words, SOURCE, note="every W_Q, W_K; every length"),
    Claim("layer-2", constant, Equals(after_ffn(2), R.second, "-1"), words, SOURCE),
    Claim(
        "no-clock",
        constant,
        Fails(Equals(after_attention(1), R.first, "1/t")),
        words,
        SOURCE,
        note="1/t needs a token that is not like the rest",
    ),
    Claim("equal-states", deep, equal_states, words, SOURCE, note="every weight, every length"),
    Claim(
        "two-tokens",
        mixed,
        Fails(equal_states),
        words,
        SOURCE,
        note="a second kind of token breaks the collapse",
    ),
]
