"""What no baseline takes, and the words of its refusal."""

import torch

NO_SOUNDS = {
    "empty": (torch.zeros(0), r"\(T,\) samples, not \(0,\)"),
    "batch": (torch.zeros(2, 100), r"\(T,\) samples, not \(2, 100\)"),
    "16 bit": (torch.ones(100, dtype=torch.int16), "from_int16"),
    "NaN": (torch.tensor([0.0, torch.nan]), "sample 1 of the sound is NaN"),
    "infinite": (torch.tensor([torch.inf, 0.0]), "sample 0 of the sound is NaN or Inf"),
}
