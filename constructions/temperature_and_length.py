"""Temperature against length: to keep a share of 1 - e for one key among n, its weight must grow like n (1 - e)/e.

One target with logit lambda Delta above n - 1 tied others has the share E/(E + n - 1), E = e^(lambda Delta). So

    share >= 1 - e    iff    lambda >= ln((n - 1)(1 - e)/e) / Delta,

exactly. With logits in a fixed range, weights within a factor r, no key keeps 1 - e beyond n = 1 + r e/(1 - e): a trained
head loses its focus at a length that its logits determine ("attention distraction"), and a scale that grows like ln n is
what it takes. A uniform head has Delta = 0 and must not be scaled; one that reads a BOS logit b turns it into lambda b.

`five-times` is a head whose BOS logit is ln 5: its share is 5/(t + 4) at every t, proved from its weights; it is above 1/2
up to t = 5 and not beyond (`half-lost`): with r = 5 and e = 1/2 the bound says 1 + 5 = 6.
"""

from nopeproof.circuit import Block, Circuit, Embedding, Head
from nopeproof.claims import Claim, Equals, Fails, Scope, Shown, Within, after_attention
from nopeproof.models import ModelClass
from nopeproof.residual import Residual
from nopeproof.theory.dilution import fading, focus

kind = "characterisation"
SOURCE = "wang2024, attention distraction and temperature"
EVERY = Scope(order="forall weights forall T", words="any")
R = Residual(one=1, bos=1, share=1, content=1)
sharp = Head(W_Q=[R.one], W_K=["ln(5)" * R.bos], W_V=[R.bos], W_O=[R.share], name="BOS, five times the weight")
head = Circuit(R, Embedding({"<bos>": R.one + R.bos}, other=R.one + R.content.free("x")), [Block([sharp])], bos="<bos>", name="five times")

one_head = ModelClass("one softmax head", depth=1, positions=("nope", "alibi", "t5", "rotary"), about="one target, n - 1 tied others")
bounded = ModelClass("one bounded softmax head", depth=1, positions=("nope", "alibi", "t5", "rotary"), about="weights within a factor r")

claims = [
    Claim("exact-condition", one_head, Shown("share >= 1 - e iff E >= (n - 1)(1 - e)/e", focus), EVERY, SOURCE),
    Claim("focus-is-lost", bounded, Shown("no key keeps a share of 1 - e beyond n = 1 + r e/(1 - e)", fading), EVERY, SOURCE),
    Claim("five-times", head, Equals(after_attention(1), R.share, "5/(t + 4)"), Scope(), SOURCE),
    Claim("half-lost", head, Fails(Within(after_attention(1), R.share, "1", error="1/2")), Scope(), SOURCE, note="from t = 6 on"),
]
