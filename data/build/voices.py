"""Measure how the embedded corpus' test voices sound, for the choice of those that notebooks play:

``python data/build/voices.py [--speech FOLDER ...]``. Writes ``data/results/voices.json``: every recording, the means
of each speaker, and for comparison those of ten recordings of real voices in each folder. It needs the extra
`perceptual`.
"""

import argparse
from pathlib import Path
from statistics import mean

import torch
from torch import Tensor

from hypersound_lib.data import AudioDataset, load_dataset, peak_normalize
from hypersound_lib.metrics import dnsmos
from hypersound_lib.provenance import provenance, write_result

RESULT = Path(__file__).resolve().parents[1] / "results" / "voices.json"
HIGH = 3000  # Hz
FRAME = 0.04  # s
PITCH = (60, 400)  # Hz
VOICED = 0.6  # least periodicity of a frame that counts as voiced
REAL = 10  # recordings of each folder
MEASURED = {  # what each number is
    "dnsmos": "predicted opinion of listeners, 1 to 5, more is better",
    "high_db": f"energy above {HIGH} Hz against the whole",
    "periodicity": "mean height of the autocorrelation's peak in voiced frames, 1 for a buzz that repeats exactly",
    "pitch_semitones": "standard deviation of the pitch, 0 for a monotone",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speech", type=Path, nargs="*", default=[], help="folders of real voices, for comparison")
    options = parser.parse_args()
    shown = "".join([" --speech"] + [f" FOLDER/{folder.name}" for folder in options.speech]) if options.speech else ""
    origin = provenance(f"python data/build/voices.py{shown}")
    corpus = load_dataset("mini", "test")
    rows = measure(corpus, len(corpus))
    by_speaker = {name: [row for row in rows if row["speaker"] == name] for name in corpus.speakers}
    results = {
        "measured": MEASURED,
        "speakers": {name: means(own) for name, own in by_speaker.items()},
        "real": {folder.name: means(measure(load_dataset(folder, "test"), REAL)) for folder in options.speech},
        "recordings": sorted(rows, key=lambda row: -row["dnsmos"]),
    }
    write_result(RESULT, results, origin)
    for name, row in (results["speakers"] | results["real"]).items():
        print(f"{name:9}", ", ".join(f"{key} {value:.2f}" for key, value in row.items()))


def measure(dataset: AudioDataset, limit: int) -> list[dict]:
    """Return a row for each of the first recordings."""
    rows = []
    for number in range(min(limit, len(dataset))):
        waveform, rate, recording = dataset[number]
        sound = peak_normalize(waveform, 0.9)
        values = {"dnsmos": dnsmos(sound, sound, rate), "high_db": high_db(sound, rate), **pitch(sound, rate)}
        rounded = {key: round(float(value), 3) for key, value in values.items()}
        rows.append({"number": number, "speaker": recording.speaker, **rounded})
    return rows


def means(rows: list[dict]) -> dict[str, float]:
    """Return the mean of each number over some rows."""
    return {key: round(mean(row[key] for row in rows), 3) for key in MEASURED}


def high_db(sound: Tensor, rate: int) -> Tensor:
    """Return the energy above `HIGH` against the whole, in dB: `(T,) -> ()`."""
    power = torch.fft.rfft(sound).abs().square()
    return 10 * torch.log10(power[torch.fft.rfftfreq(len(sound), 1 / rate) > HIGH].sum() / power.sum())


def pitch(sound: Tensor, rate: int) -> dict[str, Tensor]:
    """Return periodicity and spread of the pitch over the voiced frames: `(T,)`.

    The autocorrelation of a windowed frame is divided by that of the window (Boersma 1993). Pitches more than seven
    semitones off the median are errors of an octave.
    """
    length = round(FRAME * rate)
    window = torch.hann_window(length)
    frames = sound.unfold(0, length, length // 2) * window
    found, own = (torch.fft.irfft(torch.fft.rfft(x, 2 * length).abs().square())[..., :length] for x in (frames, window))
    found = found / found[:, :1].clamp_min(1e-9) / (own / own[0])
    shortest, longest = (round(rate / frequency) for frequency in reversed(PITCH))
    peak, lag = found[:, shortest:longest].max(dim=1)
    energy = frames.square().sum(dim=1)
    voiced = (peak > VOICED) & (energy > 0.01 * energy.max())
    semitones = -12 * torch.log2((lag[voiced] + shortest).float())
    semitones = semitones - semitones.median()
    return {
        "periodicity": peak[voiced].clamp(max=1).mean(),
        "pitch_semitones": semitones[semitones.abs() < 7].std(),
    }


if __name__ == "__main__":
    main()
