"""Tensors on disk: safetensors with JSON metadata, written at once, nothing ever unpickled. And one thread to work in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from nopeproof.errors import NopeproofError
from nopeproof.learn.store import write_atomic


def save_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, Any]) -> None:
    """Write tensors and JSON-able metadata as one safetensors file, so that they can never disagree."""
    header = {key: json.dumps(value) for key, value in metadata.items()}
    write_atomic(path, save({name: t.detach().contiguous() for name, t in tensors.items()}, metadata=header))


def load_tensors(path: Path, todo: str = "train the run, or train it again") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read back what `save_tensors` wrote: tensors, metadata; ``todo`` is what to do where that cannot be.

    Raises:
        NopeproofError: the file is missing or is not safetensors, or not one of ours.
    """
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            metadata = {key: json.loads(value) for key, value in (file.metadata() or {}).items()}
    except (OSError, SafetensorError, ValueError) as error:
        raise NopeproofError(f"load {path}", f"it cannot be read: {error}", todo) from error
    return tensors, metadata


@contextmanager
def one_thread() -> Iterator[None]:
    """One torch thread: the order of additions, and so the last bit, may depend on their number.

    For models this small it is also the faster way where other processes want the cores, by far: threads wait for each other.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
