"""Training that starts from the construction: does SGD keep what it is given, and how much of it may be disturbed?

What kazemnejad2023, Thm 1, writes down, in the comparison Transformer: three coordinates of the stream are reserved. ONE is 1 in
every token's embedding, BOS is 1 in that of <bos> alone, RECIP is empty. Head 1 of layer 1 has W_Q = 0, so its attention is 1/t;
its first value coordinate reads BOS, its W_O writes that to RECIP, and nothing else of layer 1's attention does. What
remains is drawn as ever.
The normalisation in front of the attention divides by a scale that depends on the token, so RECIP holds a fixed multiple of
1/t: the scale of <bos>, which is the same in every word.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from nopeproof import tasks
from nopeproof.learn.model import Attention, Transformer
from nopeproof.learn.recipe import Recipe

ONE, BOS, RECIP = range(3)
"""Reserved coordinates of the residual stream."""


@torch.no_grad()
def write_construction(model: Transformer, recipe: Recipe, seeds: Sequence[int]) -> None:
    """Overwrite the weights of head 1 of layer 1, and the rows it reads and writes, in every stacked model.

    ``recipe.disturbed`` adds normal noise to those weights: that share of the standard deviation a drawn weight has.
    """
    d, attention = recipe.d_model, model.blocks[0].attention
    assert isinstance(attention, Attention)
    e = model.geometry.d_head
    reserved, read, write = slice(0, 3), attention.W_QKV, attention.W_O
    model.W_E[:, :, reserved] = 0
    model.W_E[:, :, ONE] = 1
    model.W_E[:, tasks.BOS, BOS] = 1
    value = 2 * d  # first column of W_V, whose first e columns are head 1's
    read[:, :, :e] = 0
    read[:, :, value : value + e] = 0
    read[:, BOS, value] = 1
    write[:, :, reserved] = 0
    write[:, :e] = 0
    write[:, 0, RECIP] = 1
    for index, seed in enumerate(seeds if recipe.disturbed else ()):
        noise = torch.Generator().manual_seed(seed + 1)  # another stream than the drawn weights
        for part, std in (
            (model.W_E[index, :, reserved], 1.0),
            (read[index, :, :e], 1 / math.sqrt(d)),
            (read[index, :, value : value + e], 1 / math.sqrt(d)),
            (write[index, :e], 1 / math.sqrt(2 * recipe.layers * d)),
        ):
            part += recipe.disturbed * std * torch.randn(part.shape, generator=noise)
