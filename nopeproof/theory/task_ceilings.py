"""Every next-token prediction of a task at one length, for `theory.colours.bayes_ceiling`: what the best model of a depth gets right."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from nopeproof.errors import NopeproofError
from nopeproof.tasks import Task, encode

MOST = 20_000


def predictions(task: Task, length: int, *, bos: bool = True) -> Iterator[tuple[list[str], str]]:
    """(prefix, next token) for each scored token of each source of that length, all sources alike; BOS is left to the refinement.

    With bos=False the model does not see <bos> at all. Raises NopeproofError for tasks without sources of one length as words, or
    for more than `MOST` sources.

    >>> from nopeproof.tasks import task
    >>> from nopeproof.theory.colours import bayes_ceiling
    >>> [str(bayes_ceiling(predictions(task("copy:symbols=2"), 3), depth, bos=True)) for depth in (1, 2)]
    ['7/8', '1']
    """
    import numpy as np

    asked = f"every source of {task.name} of length {length}"
    if task.symbols**length > MOST:
        raise NopeproofError(asked, f"{task.symbols}^{length} of them", f"at most {MOST}: fewer symbols, or a shorter length")
    sources = np.array(list(product(range(task.symbols), repeat=length)))
    try:
        found = encode(sources, task.oracle(sources))
    except NotImplementedError:
        raise NopeproofError(asked, "a task whose examples are written one by one", "copy, reverse, sort, count, ...") from None
    names = task.vocabulary
    for ids, scored in zip(found.tokens.tolist(), found.scored.tolist(), strict=True):
        word = [names[i] for i in ids]
        for t in range(1, len(word)):
            if scored[t]:
                yield word[1:t], word[t]
