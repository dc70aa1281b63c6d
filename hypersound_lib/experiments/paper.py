"""The paper's Table 1: its rows, in its order, with its numbers (Szatkowski et al. 2022)."""

from dataclasses import dataclass

from hypersound_lib.metrics import TABLE_1

MODEL, RATE, SIZE, LOSS, COLLAPSE = "model", "target rate", "target size", "loss", "weight of the spectral loss"


@dataclass(frozen=True)
class TableRow:
    """One row: what was trained, where it was played, and what the paper found."""

    block: str
    label: str
    run: str  # the training behind it; rows may share one
    sample_rate: int | None = None  # Hz; None: the rate it was trained at
    paper: tuple[float, ...] | None = None  # MSE, LSD, SI-SNR (dB), PESQ, STOI, CDPAM; None: told in the text only

    def papers(self, metric: str) -> float | None:
        """Return the paper's number.

        >>> ROWS[0].papers("lsd")
        0.99
        """
        return None if self.paper is None or metric not in TABLE_1 else self.paper[TABLE_1.index(metric)]


_BASE = (0.049, 0.99, -23.50, 1.75, 0.87, 0.35)

ROWS = (
    TableRow(MODEL, "HyperSound*", "base", paper=_BASE),
    TableRow(MODEL, "RAVE", "rave", paper=(0.040, 1.19, -22.42, 1.22, 0.74, 0.19)),
    TableRow(RATE, "8 000 Hz", "base", 8000, (0.048, 1.24, -23.76, 1.67, 0.83, 0.37)),
    TableRow(RATE, "16 000 Hz", "base", 16000, (0.047, 1.19, -23.80, 1.66, 0.86, 0.35)),
    TableRow(RATE, "22 050 Hz", "base", 22050, _BASE),
    TableRow(RATE, "44 100 Hz", "base", 44100, (0.047, 1.38, -24.16, 1.72, 0.87, 0.38)),
    TableRow(SIZE, "small: 4 × 64", "small", paper=(0.048, 1.07, -24.56, 1.56, 0.84, 0.35)),
    TableRow(SIZE, "base: 4 × 256*", "base", paper=_BASE),
    TableRow(SIZE, "large: 6 × 384", "large", paper=(0.047, 0.96, -23.70, 1.86, 0.89, 0.36)),
    TableRow(LOSS, "L1 + STFT", "l1+stft", paper=(0.052, 0.94, -25.05, 1.35, 0.81, 0.25)),
    TableRow(LOSS, "only STFT", "stft", paper=(0.055, 0.94, -25.63, 1.34, 0.81, 0.23)),
    TableRow(LOSS, "L1 + MelSTFT", "l1+mel", paper=_BASE),
    TableRow(LOSS, "only MelSTFT", "mel", paper=(0.050, 1.02, -23.31, 1.70, 0.87, 0.29)),
    # "λ_STFT = 0.1 or 0.01 collapsed": the paper tells it and gives no numbers.
    TableRow(COLLAPSE, "L1 + 0.1 · MelSTFT", "l1+0.1mel"),
    TableRow(COLLAPSE, "L1 + 0.01 · MelSTFT", "l1+0.01mel"),
)
