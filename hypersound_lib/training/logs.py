"""What a training leaves behind to look at: two CSV files, TensorBoard, and a bar.

RUN/train.csv        step, seconds, learning_rate, gradient_norm, samples_per_second, and each loss term
RUN/validation.csv   step, seconds, each loss term, and metrics
RUN/tensorboard/     the same as curves; audio and spectrograms of validation clips
"""

import csv
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hypersound_lib.errors import TrainingError
from hypersound_lib.files import atomic_path, naming
from hypersound_lib.progress import progress_bar


class RunLog:
    """Writes one run's logs; on a process that is not the main one, where `enabled` is False, writes nothing.

    Rows beyond `step`, the updates done so far, which an interrupted session wrote after its last checkpoint, are
    removed. The bar, shown where `progress` is, goes to `steps`.
    """

    def __init__(self, folder: Path, step: int, steps: int, enabled: bool = True, progress: bool = True):
        self.folder, self.enabled = folder, enabled
        self.bar = progress_bar(total=steps, initial=step, unit="step", disable=not (enabled and progress))
        self.board: Any = None  # of TensorBoard, where that is installed
        self._columns: dict[str, list[str]] = {}  # of each file that this session has written to
        if enabled:
            folder.mkdir(parents=True, exist_ok=True)
            for name in ("train.csv", "validation.csv"):
                _cut_after(folder / name, step)
            self.board = _open_board(folder / "tensorboard", step)

    def __enter__(self) -> "RunLog":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        if self.board is not None:
            self.board.close()

    def examples(self, step: int, reference: Tensor, estimate: Tensor, sample_rate: int) -> None:
        """Show pairs of clips `(N, T)` in TensorBoard: audio, and log spectrograms with the original above."""
        for i, (original, copy) in enumerate(zip(reference, estimate, strict=True)):
            for name, sound in (("original", original), ("reconstruction", copy)):
                self.board.add_audio(f"clip {i}/{name}", sound.clamp(-1, 1), step, sample_rate)
            picture = torch.cat([_spectrogram(original), _spectrogram(copy)])
            self.board.add_image(f"clip {i}/spectrograms", picture, step, dataformats="HW")

    def write(self, name: str, row: Mapping[str, float]) -> None:
        """Note a step in the log `name`, "train" or "validation"; `row` begins with `step`."""
        if not self.enabled:
            return
        path = self.folder / f"{name}.csv"
        if not row.keys() <= set(self._columns.get(name, ())) or not path.exists():
            self._columns[name] = _with_columns(path, list(row))
        values = [row.get(column, math.nan) for column in self._columns[name]]
        with naming(path), open(path, "a", newline="", encoding="utf-8") as file:
            csv.writer(file).writerow([f"{value:.6g}" if isinstance(value, float) else value for value in values])
        if self.board is not None:
            for key, value in row.items():
                if key != "step":
                    self.board.add_scalar(f"{name}/{key}", value, row["step"])


def read_log(path: str | os.PathLike) -> dict[str, list[float]]:
    """Read `train.csv` or `validation.csv` of a run as columns, for plots.

    Raises:
        TrainingError: it is damaged.
    """
    rows = _rows(Path(path))
    return {key: [float(row[i]) for row in rows[1:]] for i, key in enumerate(rows[0] if rows[1:] else ())}


def _rows(path: Path) -> list[list[str]]:
    """Return a log's header and rows, less a last one that a killed process has left half."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.reader(file) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{path}: is no table ({error}). {_REMEDY}") from error
    for number, row in enumerate(rows[1:], 1):
        try:
            if len(row) != len(rows[0]):
                raise ValueError(f"{len(row)} values in {len(rows[0])} columns")
            [float(value) for value in row]
            int(row[0])
        except ValueError as error:
            if number == len(rows) - 1:
                return rows[:-1]
            raise TrainingError(f"{path}: row {number} is damaged ({error}). {_REMEDY}") from error
    return rows


_REMEDY = "Repair or move it away: a training goes on without its old log."


def _cut_after(path: Path, step: int) -> None:
    """Remove rows beyond `step` from a log, and the log itself if nothing remains."""
    if not path.exists():
        return
    rows = _rows(path)
    kept = [row for row in rows[1:] if int(row[0]) <= step]
    if kept:
        _rewrite(path, [rows[0], *kept])
    else:
        path.unlink()


def _with_columns(path: Path, wanted: list[str]) -> list[str]:
    """Return a log's columns once it has all that are wanted; rows from before a column came have nan there.

    A run that goes on with another loss has other terms.
    """
    before, *rows = (_rows(path) if path.exists() else []) or [[]]
    new = [name for name in wanted if name not in before]
    if new:
        _rewrite(path, [before + new, *(row + ["nan"] * len(new) for row in rows)])
    return before + new


def _rewrite(path: Path, rows: list[list[str]]) -> None:
    with atomic_path(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)


def _open_board(folder: Path, step: int):
    """Return a TensorBoard writer, or None where TensorBoard is not installed: the CSV files hold the same curves."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1)


def _spectrogram(waveform: Tensor) -> Tensor:
    """Draw `(T,)` as a grey picture `(H, W)` in [0, 1], low frequencies below; black is -80 dB of the peak."""
    n_fft = min(512, waveform.numel())
    window = torch.hann_window(n_fft, device=waveform.device)
    spectrum = torch.stft(waveform.float(), n_fft, max(1, n_fft // 4), window=window, return_complex=True).abs()
    decibels = 20 * torch.log10(spectrum.clamp(min=1e-8) / spectrum.max().clamp(min=1e-8))
    return (1 + decibels / 80).clamp(0, 1).flip(0).cpu()
