"""Several processes that train one model: what they agree on, and what is said when one of them is lost."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread
from typing import TYPE_CHECKING

import torch
from torch import distributed

from hypersound_lib.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from accelerate import PartialState

    from hypersound_lib.training.config import TrainingConfig


def join_processes(config: "TrainingConfig", cpu: bool) -> "PartialState":
    """Return the processes of this launch, before anything is read or written.

    Raises:
        ConfigError: the launcher was asked for several processes and started one, or they cannot share a batch evenly.
    """
    from accelerate import PartialState  # takes a second to import
    from accelerate.state import AcceleratorState

    # Alone, a process may train again on another device; accelerate would keep that of the first training for good.
    if PartialState._shared_state and PartialState().num_processes == 1:
        AcceleratorState._reset_state(reset_partial_state=True)
    launch = PartialState(cpu=cpu)
    # `accelerate launch --cpu` sets an address for its processes to meet at, and then starts one.
    alone = "ACCELERATE_USE_CPU" in os.environ and "MASTER_ADDR" in os.environ
    if launch.num_processes == 1 and (alone or int(os.environ.get("WORLD_SIZE", "1")) > 1):
        raise ConfigError(
            "several processes were asked for, and each one runs alone: start them with `torchrun --nproc-per-node N "
            "-m hypersound_lib train …`, and with --device cpu where there is no GPU for each"
        )
    micro_batch = config.batch_size // config.accumulate
    if micro_batch % launch.num_processes:
        raise ConfigError(
            f"{micro_batch} clips per micro-batch cannot be shared evenly by {launch.num_processes} processes; choose "
            "another batch_size or accumulate"
        )
    return launch


class Processes:
    """What the processes of a launch tell each other beside gradients, on the CPU; alone, one process talks to itself.

    Args:
        count: of processes.
        timeout: seconds that one waits for another, in these and in gradients' exchange.
    """

    def __init__(self, count: int = 1, timeout: float = 60.0):
        self.count, self.timeout = count, timeout
        if count > 1:
            limit = timedelta(seconds=timeout)
            distributed.distributed_c10d._set_pg_timeout(limit)  # now: earlier, one may decode for hours
            self._group = distributed.new_group(backend="gloo", timeout=limit)

    def mean(self, values: Sequence[float]) -> list[float]:
        """Return each value's mean over processes."""
        if self.count == 1:
            return list(values)
        total = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(total, group=self._group)
        return (total / self.count).tolist()

    def any(self, *flags: bool) -> list[bool]:
        """Return of each flag whether it is set in any process: the same in all of them."""
        return [value > 0 for value in self.mean([float(flag) for flag in flags])]

    @contextmanager
    def waiting_for_main(self) -> Iterator[None]:
        """Let the main process alone do the block's work, however long that takes: the others hear that it lives."""
        if self.count > 1 and distributed.get_rank() == 0:
            done = Event()
            signs = Thread(target=self._send_signs, args=(done,), daemon=True)
            signs.start()
            try:
                yield
            finally:
                done.set()
                signs.join()
            return
        yield
        busy = torch.tensor(float(self.count > 1))
        while busy:
            distributed.broadcast(busy, src=0, group=self._group)

    def _send_signs(self, done: Event) -> None:
        ended = False
        with suppress(RuntimeError):  # a process that is lost shows at the next exchange; the work is finished first
            while not ended:
                ended = done.wait(self.timeout / 4)
                distributed.broadcast(torch.tensor(float(not ended)), src=0, group=self._group)

    @contextmanager
    def naming_loss(self) -> Iterator[None]:
        """Say what happened where another process is gone, or does not answer.

        Raises:
            TrainingError: in place of what torch.distributed raises inside.
        """
        try:
            yield
        except RuntimeError as error:  # gloo has no class of its own
            known = isinstance(error, distributed.DistError) or "gloo" in str(error) or "NCCL" in str(error)
            if self.count == 1 or not known:
                raise
            raise TrainingError(
                f"process {distributed.get_rank()} of {self.count} lost another one, which ended or did not answer "
                f"within process_timeout = {self.timeout:g} s: see what that one said last (out of memory? stopped by "
                f"hand?), and go on from the last checkpoint with --resume ({str(error).splitlines()[0]})"
            ) from error
