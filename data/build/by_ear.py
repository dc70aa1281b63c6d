"""Make the sounds that notebook 9 compares by ear: ``python data/build/by_ear.py`` (needs opus-tools).

Test voices of the embedded corpus, whom no training knows, go through files of the model `local` and through Opus, at
equal bits. Opus is asked for a higher rate until its packets have at least as many bytes as the model's file, headers
included; what the format Ogg adds to them is not counted. So wherever the two differ, Opus has more bits.

Writes ``data/results/by_ear/``: FLAC files, and ``manifest.json`` with the size and the scores of each, and provenance.
"""

import argparse
import shutil
import sys
from pathlib import Path

from torch import Tensor

from hypersound_lib.data import load_dataset, peak_normalize, resample, save_audio
from hypersound_lib.errors import ConfigError
from hypersound_lib.local.model import LocalHyperSound
from hypersound_lib.metrics import METRICS
from hypersound_lib.provenance import provenance, write_result

sys.path.append(str(Path(__file__).resolve().parents[2]))
from tests.benchmarks import codecs

OUT = Path(__file__).resolve().parents[1] / "results" / "by_ear"
VOICES = (54, 68)  # numbers of test recordings, of the two speakers that tire least (data/results/voices.json)
KBPS = (6, 9, 12)
SCORES = ("pesq", "stoi", "lsd", "si_snr")
OPUS_BELOW, OPUS_STEP, OPUS_TRIES = 2, 0.25, 60  # kbit/s below what is wanted, and between tries


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="local", help="name or folder; default: local")
    parser.add_argument("--out", type=Path, default=OUT, help="default: data/results/by_ear/")
    options = parser.parse_args()
    if not codecs.available("opusenc", "opusdec"):
        print("by_ear.py: opusenc and opusdec are not installed: apt-get install opus-tools", file=sys.stderr)
        return 2
    origin = provenance(f"python data/build/by_ear.py --model {options.model}")
    model = LocalHyperSound.from_pretrained(options.model)
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    pairs = [pair for voice in VOICES for pair in make(model, voice, options.out)]
    write_result(options.out / "manifest.json", {"model": model.identity().hex(), "pairs": pairs}, origin)
    for pair in pairs:
        print(pair)
    return 0


def make(model: LocalHyperSound, voice: int, out: Path) -> list[dict]:
    """Write one voice, and its two copies at each rate; return an entry for each rate."""
    rate = model.config.sample_rate
    source = load_dataset("mini", "test")[voice]
    sound = peak_normalize(resample(source.waveform, source.sample_rate, rate), 0.9)
    name = source.recording.path.stem.removesuffix("_mic1")
    save_audio(out / f"{name}.flac", sound, rate)
    pairs = []
    for kbps in KBPS:
        data = model.compress(sound, rate, kbps=kbps)
        coded = opus_of_size(sound, rate, kbps, len(data))
        pair = {"voice": name, "text": source.recording.transcript, "kbps": kbps, "recording": f"{name}.flac"}
        for system, copy, size in (
            ("local", model.decompress(data), len(data)),
            ("opus", coded.copy, coded.payload_bytes),
        ):
            file = f"{name}_{kbps}_{system}.flac"
            save_audio(out / file, copy, rate)
            true_kbps = 8 * size / 1000 / (len(sound) / rate)
            pair[system] = {"file": file, "bytes": size, "kbps": round(true_kbps, 2)} | scores(sound, copy, rate)
        pairs.append(pair)
    return pairs


def opus_of_size(sound: Tensor, sample_rate: int, kbps: float, size: int) -> codecs.CodecCopy:
    """Return what Opus makes of a sound at the lowest rate at which its packets have at least `size` bytes."""
    for step in range(OPUS_TRIES):
        coded = codecs.opus(sound, sample_rate, kbps - OPUS_BELOW + step * OPUS_STEP)
        if coded.payload_bytes >= size:
            return coded
    raise SystemExit(f"Opus spends fewer than {size} bytes on this sound, whatever it is asked for")


def scores(sound: Tensor, copy: Tensor, sample_rate: int) -> dict[str, float]:
    """Return those of `SCORES` whose packages are installed."""
    found = {}
    for name in SCORES:
        try:
            found[name] = round(METRICS[name].function(sound, copy, sample_rate), 3)
        except ConfigError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(main())
