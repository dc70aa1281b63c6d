"""What the tests run in processes of their own: `python -m tests.training.child OUT STEPS [KILL_AT | resume]`.

Most are forked from a process that has imported torch (`forked`): an import takes longer than a training.

The environment says what else happens: TEST_ACCUMULATE, TEST_CHANGES (of the config, as JSON), TEST_MAX_SECONDS (one
number for each process), TEST_SIGNAL (`RANK STEP SIGNAL METHOD`: that process sends itself a signal at the end of that
method of `Run` in that step), and TEST_SLEEP (seconds that each validation takes longer).
"""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import save_file

from hypersound_lib.training import train
from hypersound_lib.training.run import Run

from .tiny import changed, make_model, make_store


def main() -> None:
    torch.set_num_threads(1)
    out, steps, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if what and what[0].isdigit():
        kill_after(int(what[0]))
    rank = int(os.environ.get("RANK", "0"))
    if "TEST_SIGNAL" in os.environ:
        *numbers, method = os.environ["TEST_SIGNAL"].split()
        victim, step, number = map(int, numbers)
        if rank == victim:
            kill_after(step, number, method)
    if "TEST_SLEEP" in os.environ:
        after("_validate", lambda step: time.sleep(float(os.environ["TEST_SLEEP"])))
    seconds = os.environ.get("TEST_MAX_SECONDS", "").split()
    result = train(
        make_model(),
        make_store(),
        make_store(1),
        changed(
            steps=steps,
            accumulate=int(os.environ.get("TEST_ACCUMULATE", "1")),
            **json.loads(os.environ.get("TEST_CHANGES", "{}")),
        ),
        out,
        resume="resume" in what,
        max_seconds=float(seconds[rank]) if seconds else None,
        cpu=True,
        progress=False,
    )
    print(f"process {rank}: {result.stop_reason} after step {result.step}")
    if rank == 0:
        weights = {name: p.detach().contiguous() for name, p in result.model.named_parameters()}
        save_file(weights, out / "final.safetensors", {"processes": str(PartialState().num_processes)})


def kill_after(step: int, number: int = signal.SIGKILL, method: str = "log_step") -> None:
    """Die at once, as a power cut would have it, or get another signal, when the row of `step` is written."""
    after(method, lambda now: os.kill(os.getpid(), number) if now == step else None)


def after(method: str, act: Callable[[int], None]) -> None:
    """Call `act` with the step's number whenever a method of `Run` has returned."""
    original = getattr(Run, method)

    def call_and_act(self, *arguments):
        original(self, *arguments)
        act(self.state.step)

    setattr(Run, method, call_and_act)


def forked(arguments: list[str], environment: dict[str, str], streams: list[Path]) -> None:
    """Do the same in this process, and write its standard output and error to files."""
    os.environ.update(environment)
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    sys.argv[1:] = arguments
    main()


if __name__ == "__main__":
    main()
