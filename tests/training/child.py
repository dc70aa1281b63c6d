"""What the tests run in processes of their own: `python -m tests.training.child OUT STEPS [KILL_AT | resume]`.

The environment says what else happens: TEST_ACCUMULATE, TEST_CHANGES (of the config, as JSON), TEST_MAX_SECONDS (one
number for each process), and TEST_SIGNAL (`RANK STEP SIGNAL`: that process sends itself a signal after that step).
"""

import json
import os
import signal
import sys
from pathlib import Path

import torch
from accelerate import PartialState
from safetensors.torch import save_file

from hypersound_lib.training import train
from hypersound_lib.training.run import Run

from .tiny import changed, make_model, make_store


def main() -> None:
    out, steps, what = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if what and what[0].isdigit():
        kill_after(int(what[0]))
    rank = int(os.environ.get("RANK", "0"))
    if "TEST_SIGNAL" in os.environ:
        victim, step, number = map(int, os.environ["TEST_SIGNAL"].split())
        if rank == victim:
            kill_after(step, number)
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


def kill_after(step: int, number: int = signal.SIGKILL) -> None:
    """Die at once, as a power cut would have it, or get another signal, when the row of `step` is written."""
    log_step = Run.log_step

    def log_and_die(self, values):
        log_step(self, values)
        if self.state.step == step:
            os.kill(os.getpid(), number)

    Run.log_step = log_and_die


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
