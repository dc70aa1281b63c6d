"""Training a `HyperSound`: one loop for a laptop, a GPU, or many; logs; checkpoints that resume bit for bit."""

from hypersound_lib.training.base_run import TrainingResult
from hypersound_lib.training.config import TrainingConfig
from hypersound_lib.training.corpus import training_stores
from hypersound_lib.training.logs import read_log
from hypersound_lib.training.loop import train
