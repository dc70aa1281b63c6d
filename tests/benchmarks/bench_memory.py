"""Peak memory of a training step by batch size, each in a process of its own.

make bench ARGS="memory"
"""

import json
import subprocess
import sys

PRESETS = ("paper-base", "paper-small", "tutorial")
BATCHES = (1, 4, 16)

# Prints the peak resident memory of two steps, and that of the bare model with its optimiser, in bytes.
_CHILD = """
import json, resource, sys, torch
from hypersound_lib.losses import ReconstructionLoss
from hypersound_lib.hypersound.model import HyperSound
from hypersound_lib.presets import preset
chosen, batch = preset(sys.argv[1]), int(sys.argv[2])
model = HyperSound(chosen.model)
loss = ReconstructionLoss(chosen.training.loss, chosen.model.sample_rate)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, fused=True)
clips = torch.randn(batch, chosen.model.num_samples) / 4
unit = 1024 if sys.platform == "linux" else 1
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
for _ in range(2):
    loss.total(loss(model(clips), clips)).backward()
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
print(json.dumps([before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit]))
"""


def run(quick: bool = False) -> dict:
    """Return peak resident bytes by preset and batch size."""
    rows = []
    for name in PRESETS[-1:] if quick else PRESETS:
        for batch in BATCHES:
            command = [sys.executable, "-c", _CHILD, name, str(batch)]
            output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            before, peak = json.loads(output)
            rows.append({"preset": name, "batch_size": batch, "model_bytes": before, "peak_bytes": peak})
            print(
                f"{name}, batch {batch}: {peak / 2**30:.2f} GiB, before the first step {before / 2**30:.2f}", flush=True
            )
    return {"runs": rows}
