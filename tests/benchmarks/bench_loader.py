"""How fast clips reach a training step: batches of 16 × 32 768 samples from a store, against decoding files each time.

make bench ARGS="loader"
"""

import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from hypersound_lib.data import RandomClips, Recording, build_store, load_audio, paper_augmentation, save_audio
from tests.benchmarks.common import threads, timed

BATCH_SIZE = 16
NUM_SAMPLES = 32768
SAMPLE_RATE = 22050  # Hz, of the clips
SOURCE_RATE = 48000  # Hz, of the files, as in VCTK
SECONDS = 4  # of each file, about VCTK's mean


class DecodedClips(Dataset):
    """What a store saves: each clip decodes and resamples its whole file."""

    def __init__(self, recordings: list[Recording], num_clips: int):
        self.recordings, self.num_clips = recordings, num_clips

    def __len__(self) -> int:
        return self.num_clips

    def __getitem__(self, index: int) -> torch.Tensor:
        rng = np.random.default_rng(index)
        recording = self.recordings[rng.integers(len(self.recordings))]
        waveform, _ = load_audio(recording.path, SAMPLE_RATE)
        start = rng.integers(len(waveform) - NUM_SAMPLES + 1)
        return waveform[start : start + NUM_SAMPLES]


def make_corpus(folder: Path, num_files: int) -> list[Recording]:
    """Write FLAC files of low-passed noise, whose compression ratio is about that of speech."""
    rng = np.random.default_rng(0)
    recordings = []
    for number in range(num_files):
        noise = rng.standard_normal(SOURCE_RATE * SECONDS).cumsum()
        noise = torch.from_numpy(noise - noise.mean()).float()
        path = folder / f"{number}.flac"
        save_audio(path, noise / noise.abs().max(), SOURCE_RATE)
        recordings.append(Recording(path))
    return recordings


def batches_per_second(clips: Dataset, num_workers: int) -> float:
    """Time a pass over `clips`, from the second batch on, so that starting workers is not counted."""
    loader = iter(DataLoader(clips, BATCH_SIZE, num_workers=num_workers))
    assert next(loader).shape == (BATCH_SIZE, NUM_SAMPLES)
    count, duration = timed(lambda: sum(1 for _ in loader))
    return count / duration


def run(quick: bool = False) -> dict:
    """Measure every way of loading and return numbers that JSON can hold, with their units in the names."""
    num_files, num_batches, worker_counts = (4, 8, (0,)) if quick else (40, 400, (0, 1, 2))
    num_clips = (num_batches + 1) * BATCH_SIZE
    result: dict = {"batch_size_clips": BATCH_SIZE, "clip_samples": NUM_SAMPLES, "cpu_count": os.cpu_count()}
    result |= {"files": num_files, "file_seconds": SECONDS}
    with tempfile.TemporaryDirectory() as name, threads(1):  # as in a worker process
        folder = Path(name)
        recordings = make_corpus(folder / "files", num_files)
        memory, duration = timed(lambda: build_store(recordings, SAMPLE_RATE))
        result["build_store_x_real_time"] = num_files * SECONDS / duration
        stores = {"memory": memory, "mapped": build_store(recordings, SAMPLE_RATE, folder / "store")}
        ways = {"decoded_plain": DecodedClips(recordings, max(2, num_batches // 10) * BATCH_SIZE)}
        for way, store in stores.items():
            ways[f"{way}_plain"] = RandomClips(store, NUM_SAMPLES, num_clips)
            ways[f"{way}_augmented"] = RandomClips(store, NUM_SAMPLES, num_clips, paper_augmentation(SAMPLE_RATE))
        for way, clips in ways.items():
            for workers in worker_counts:
                result[f"{way}_{workers}_workers_batches_per_second"] = batches_per_second(clips, workers)
    return result
