"""A training step as a CUDA graph: recorded once, then replayed, so that the GPU does not wait for Python.

Python may need longer to launch the thousand short kernels of a small model's step than the GPU to run them. On an H200
beside a slow processor `local` made 101 steps a second with replays, and 18 without
(`data/results/bench_gpu_speed.json`). What is replayed must not ask the GPU for anything, nor copy from the host, and
always reads and writes the same memory: clips are copied into it, gradients and loss terms are found in it.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

_WARM_UPS = 3  # steps before recording: libraries choose their algorithms, and constants come over


class GraphedGradients:
    """Replay `gradients`, which fills `.grad` of the parameters and returns the loss' terms.

    Args:
        gradients: maps clips `(B, T)` to `{term: scalar}`; calls backward, neither zeroes gradients nor updates.
        parameters: those whose gradients it fills.
        clips: a first batch, on a CUDA device; all others have its shape.
    """

    def __init__(
        self, gradients: Callable[[Tensor], dict[str, Tensor]], parameters: Iterable[nn.Parameter], clips: Tensor
    ):
        self.parameters = list(parameters)
        self.clips = clips.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                gradients(self.clips)
                self._forget()
        torch.cuda.current_stream().wait_stream(side)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.terms = gradients(self.clips)
        self.gradients = [p.grad for p in self.parameters]
        self._forget()

    def __call__(self, clips: Tensor) -> dict[str, Tensor]:
        """Fill the gradients for a batch `(B, T)`; the terms hold until the next call."""
        self.clips.copy_(clips, non_blocking=True)
        self.graph.replay()
        for p, gradient in zip(self.parameters, self.gradients, strict=True):
            p.grad = gradient
        return self.terms

    def _forget(self) -> None:
        for p in self.parameters:
            p.grad = None
