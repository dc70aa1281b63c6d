"""The README.md beside a model's weights: what it is, how it came about, and how to use it."""

from collections.abc import Iterator, Mapping
from typing import Any

from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.model_config import HyperSoundConfig

_CARD = """\
---
library_name: hypersound_lib
tags: [audio, implicit-neural-representation, hypernetwork]
---

# HyperSound

A hypernetwork that hears a clip of sound and writes the weights of a small network, here a {target}, which plays it
at any sample rate.

| | |
|---|---|
| Sample rate | {rate} Hz: it hears up to {nyquist:g} Hz |
| Clip | {num_samples} samples, {seconds:.3g} s |
{counts}

```python
from hypersound_lib.model import HyperSound
from hypersound_lib.reconstruction import reconstruct

model = HyperSound.from_pretrained("path/to/this/folder")
sound = reconstruct(model, waveform, sample_rate)  # any length, any rate
```
"""
_LOCAL_CARD = """\
---
library_name: hypersound_lib
tags: [audio, implicit-neural-representation, hypernetwork, compression]
---

# HyperSound

A hypernetwork for sound in bits. An analysis network chooses what to send, as whole numbers. From them a generator
network writes, for each moment of the sound, the weights of a small function of time, which plays at any sample rate.

| | |
|---|---|
| Sample rate | {rate} Hz: it keeps frequencies up to {nyquist:g} Hz |
| Length | any, in packets of {packet:.2f} s that do not need each other |
| Rate | chosen for each file, in kbit/s (at most so many, header included) or as a quality from 0 to 10 |
{counts}

```
hypersound compress voice.wav voice.hs --kbps 6 --model path/to/this/folder
hypersound decompress voice.hs copy.wav --model path/to/this/folder
```

```python
from hypersound_lib.local.model import LocalHyperSound

model = LocalHyperSound.from_pretrained("path/to/this/folder")
data = model.compress(waveform, sample_rate, kbps=6)  # bytes: the content of a .hs file
copy = model.decompress(data)  # at {rate} Hz; sample_rate=... for any other
```

A file needs the very weights that it was written with: it names them, and other ones are refused.
"""


def model_card(
    config: HyperSoundConfig | LocalHyperSoundConfig, counts: Mapping[str, int], facts: Mapping[str, Any]
) -> str:
    """Describe a model in Markdown, with the header that model hubs read.

    Args:
        config: the model's.
        counts: of parameters, by part; see `HyperSound.num_parameters`.
        facts: how it was made and how good it is; nested ones become `outer.inner`.
    """
    rows = [f"| Parameters, {name} | {_grouped(count)} |" for name, count in counts.items()]
    rows.append(f"| Parameters, together | {_grouped(sum(counts.values()))} |")
    card = _described(config, "\n".join(rows))
    if not facts:
        return card
    lines = [f"| {name} | {_cell(value)} |" for name, value in _flatten(facts)]
    return card + "\n".join(["\n## Facts", "", "| | |", "|---|---|", *lines, ""])


def _described(config: HyperSoundConfig | LocalHyperSoundConfig, counts: str) -> str:
    rate = config.sample_rate
    if isinstance(config, LocalHyperSoundConfig):
        packet = config.packet * config.hop / rate
        return _LOCAL_CARD.format(rate=rate, nyquist=rate / 2, packet=packet, counts=counts)
    return _CARD.format(
        target=type(config.target).__name__.removesuffix("Config"),
        rate=rate,
        nyquist=rate / 2,
        num_samples=config.num_samples,
        seconds=config.num_samples / rate,
        counts=counts,
    )


def _grouped(count: int) -> str:
    return f"{count:,}".replace(",", " ")


def _flatten(facts: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_cell(item) for item in value)
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    # Either would end the cell.
    return text.replace("|", "\\|").replace("\n", " ")
