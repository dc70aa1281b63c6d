"""What the tests run in processes of their own, most of them forked after torch was imported, which takes longest."""

import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import save_file

from hypersound_lib.training.run import Run

from .tiny import run_training


def main(
    out: Path,
    steps: int,
    struck: tuple[int, int, int, str] | None = None,
    seconds: Sequence[float | None] = (None, None),
    sleep: float = 0.0,
    **settings: object,
) -> None:
    """Train, and write the last weights.

    Args:
        out: the run's folder.
        steps: of the training.
        struck: (process, step, signal, method): that process sends itself the signal when that method of `Run` has
            returned in that step.
        seconds: that each process is given.
        sleep: seconds that each validation takes longer.
        settings: whether to `resume`, and what else differs from the tests' training.
    """
    torch.set_num_threads(1)
    rank = int(os.environ.get("RANK", "0"))
    if struck and struck[0] == rank:
        _, step, number, method = struck
        after(method, lambda now: os.kill(os.getpid(), number) if now == step else None)
    if sleep:
        after("_validate", lambda step: time.sleep(sleep))
    result = run_training(out, steps=steps, max_seconds=seconds[rank], **settings)
    print(f"process {rank}: {result.stop_reason} after step {result.step}")
    if rank == 0:
        weights = {name: p.detach().contiguous() for name, p in result.model.named_parameters()}
        save_file(weights, out / "final.safetensors", {"processes": str(PartialState().num_processes)})


def after(method: str, act: Callable[[int], None]) -> None:
    """Call `act` with the step's number whenever a method of `Run` has returned."""
    original = getattr(Run, method)

    def call_and_act(self, *arguments):
        original(self, *arguments)
        act(self.state.step)

    setattr(Run, method, call_and_act)


def forked(environment: dict[str, str], streams: list[Path], *arguments: object, **settings: object) -> None:
    """Do the same in this process, and write its standard output and error to files."""
    os.environ.update(environment)
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    main(*arguments, **settings)


if __name__ == "__main__":
    main(Path(sys.argv[1]), steps=20)
