"""What the tests run in processes of their own: `python -m tests.training.child OUT STEPS [KILL_AT | resume]`."""

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
    model = make_model()
    accumulate = int(os.environ.get("TEST_ACCUMULATE", "1"))
    config = changed(steps=steps, accumulate=accumulate)
    result = train(model, make_store(), make_store(1), config, out, resume="resume" in what, cpu=True, progress=False)
    if int(os.environ.get("RANK", "0")) == 0:
        weights = {name: p.detach().contiguous() for name, p in result.model.named_parameters()}
        save_file(weights, out / "final.safetensors", {"processes": str(PartialState().num_processes)})


def kill_after(step: int) -> None:
    """Die at once, as a power cut would have it, when the row of `step` is written."""
    log_step = Run.log_step

    def log_and_die(self, values):
        log_step(self, values)
        if self.state.step == step:
            os.kill(os.getpid(), signal.SIGKILL)

    Run.log_step = log_and_die


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
