"""The README.md beside a model's weights: what it is, how it came about, and how to use it."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hypersound_lib.hub.model import PretrainedModel

_CARD = """\
---
library_name: hypersound_lib
tags: [audio, %s]
---

# %s

%s

| | |
|---|---|
| Sample rate | {config.sample_rate} Hz: it keeps frequencies up to {nyquist:g} Hz |
%s{counts}
%s"""
_USE = """
```python
from hypersound_lib import load_model

model = load_model("path/to/this/folder")
sound = model.reconstruct(waveform, sample_rate)  # any length, any rate
```
"""
_CARDS = {}  # by kind of model
_CARDS["HyperSound"] = _CARD % (
    "implicit-neural-representation, hypernetwork",
    "HyperSound",
    "A hypernetwork that takes a clip of sound as input and writes the weights of a small network, here a\n"
    "{model.target.__class__.__name__}, which plays it at any sample rate.",
    "| Clip | {config.num_samples} samples, {seconds:.3g} s |\n",
    _USE,
)
_CARDS["LocalHyperSound"] = _CARD % (
    "implicit-neural-representation, hypernetwork, compression",
    "HyperSound",
    "A hypernetwork for sound in bits. An analysis network chooses what to send, as whole numbers. From them a "
    "generator\nnetwork writes, for each moment of the sound, the weights of a small function of time, which plays at "
    "any sample rate.",
    "| Length | any, in packets of {model.packet_seconds:.2f} s that do not need each other |\n"
    "| Rate | chosen for each file, in kbit/s (at most so many, header included) or as a quality from 0 to 10 |\n",
    """
```
hypersound compress voice.wav voice.hs --kbps 6 --model path/to/this/folder
hypersound decompress voice.hs copy.wav --model path/to/this/folder
```

```python
from hypersound_lib import load_model

model = load_model("path/to/this/folder")
data = model.compress(waveform, sample_rate, kbps=6)  # bytes: the content of a .hs file
copy = model.decompress(data)  # at {config.sample_rate} Hz; sample_rate=... for any other
```

A file needs the very weights that it was written with: it names them, and other ones are refused.
""",
)
_CARDS["RAVE"] = _CARD % (
    "variational-autoencoder, RAVE",
    "RAVE",
    "A variational autoencoder of sound, after Caillon and Esling (2021): {config.latent_size} numbers for every\n"
    "{config.hop_length} samples.",
    "",
    _USE,
)


def model_card(model: "PretrainedModel", facts: Mapping[str, Any]) -> str:
    """Describe a model in Markdown, with the header that model hubs read.

    Args:
        model: of a kind that has a card.
        facts: how it was made and how good it is; nested ones become `outer.inner`.
    """
    counts, rate = model.num_parameters(), model.config.sample_rate
    counts["together"] = sum(counts.values())
    grouped = {name: f"{count:,}".replace(",", " ") for name, count in counts.items()}
    card = _CARDS[model.kind].format(
        model=model,
        config=model.config,
        nyquist=rate / 2,
        seconds=model.config.num_samples / rate,
        counts="\n".join(f"| Parameters, {name} | {count} |" for name, count in grouped.items()),
    )
    if not facts:
        return card
    lines = [f"| {_cell(name)} | {_cell(value)} |" for name, value in _flatten(facts)]
    return card + "\n".join(["\n## Facts", "", "| | |", "|---|---|", *lines, ""])


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
    # Shown as it reads: it neither ends its cell nor is HTML, a link or a picture; and any name is written.
    text = re.sub(r"[&<>\[\]`\\]", lambda found: f"&#{ord(found[0])};", " ".join(text.split())).replace("|", r"\|")
    return text.encode(errors="backslashreplace").decode()
