"""Optimizer steps on a GPU, recorded once for each shape of batch and then replayed.

A step of a small model is hundreds of kernels of a few microseconds each. Launching them one by one takes the CPU several times as
long as they take the GPU; a recorded CUDA graph is launched at once, and runs the same kernels on the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Constants = dict[str, Tensor]
Step = Callable[[Tensor, Tensor, Constants], Tensor]
"""(tokens, scored, the encoding's constants for that length) -> each model's loss: forward, backward and update."""

EAGER = 2
"""How often a shape is run before it is recorded: the first time allocates what later steps find there."""


@dataclass(frozen=True)
class _Recorded:
    graph: torch.cuda.CUDAGraph
    tokens: Tensor
    scored: Tensor
    constants: Constants
    """Read by the graph, hence kept as long as it."""
    loss: Tensor


class Replayed:
    """``step`` on a GPU. It must not look at a number on the CPU, and what it changes must stay where it is in memory."""

    def __init__(self, step: Step, constants: Callable[[int], Constants], device: torch.device) -> None:
        self._step, self._constants, self._device = step, constants, device
        self._stream, self._pool = torch.cuda.Stream(device), torch.cuda.graph_pool_handle()
        self._seen: dict[tuple[int, ...], int] = {}
        self._recorded: dict[tuple[int, ...], _Recorded] = {}

    def __call__(self, tokens: Tensor, scored: Tensor) -> Tensor:
        """Take one step with a batch that is still on the CPU; returns without waiting for the GPU."""
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            loss = self._run(tuple(tokens.shape), tokens.pin_memory(), scored.pin_memory())
        torch.cuda.current_stream(self._device).wait_stream(self._stream)
        return loss

    def _run(self, shape: tuple[int, ...], tokens: Tensor, scored: Tensor) -> Tensor:
        self._seen[shape] = self._seen.get(shape, 0) + 1
        if self._seen[shape] <= EAGER:
            there = [part.to(self._device, non_blocking=True) for part in (tokens, scored)]
            return self._step(there[0], there[1], self._constants(shape[-1] - 1)).detach()
        if shape not in self._recorded:
            self._recorded[shape] = self._record(tokens, scored)
        known = self._recorded[shape]
        known.tokens.copy_(tokens, non_blocking=True)
        known.scored.copy_(scored, non_blocking=True)
        known.graph.replay()
        return known.loss.clone()  # the next graph may use the same memory

    def _record(self, tokens: Tensor, scored: Tensor) -> _Recorded:
        there, constants = [part.to(self._device) for part in (tokens, scored)], self._constants(tokens.shape[-1] - 1)
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
            loss = self._step(there[0], there[1], constants).detach()
        return _Recorded(graph, there[0], there[1], constants, loss)
