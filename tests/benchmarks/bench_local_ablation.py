"""What each part of a local model brings: presets with one thing changed, every row trained equally long.

make bench ARGS="local_ablation --speech FOLDER --limit 60"
"""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

from hypersound_lib.evaluation import evaluate
from hypersound_lib.inr import FourierMLPConfig, SIRENConfig
from hypersound_lib.inr.local import LocalConfig
from hypersound_lib.inr.local_network import LocalNetworkConfig
from hypersound_lib.presets import Preset, preset
from tests.benchmarks import local_speech

RECORDINGS, SECONDS = 10, 3.0
METRICS = ("pesq", "stoi", "lsd", "si_snr")
Change = Callable[[Preset], Preset]


def target(**changes: object) -> Change:
    """Change the target's config."""
    return lambda base: _model(base, target=dataclasses.replace(base.model.target, **changes))


def network(**changes: object) -> Change:
    """Change the hypernetwork's config."""
    return lambda base: _model(base, hypernetwork=dataclasses.replace(base.model.hypernetwork, **changes))


def training(**changes: object) -> Change:
    """Change how it is trained."""
    return lambda base: dataclasses.replace(base, training=dataclasses.replace(base.training, **changes))


def loss(**changes: object) -> Change:
    """Change what is minimised."""
    return lambda base: training(loss=dataclasses.replace(base.training.loss, **changes))(base)


def kind(config: LocalConfig | LocalNetworkConfig) -> Change:
    """Take another kind of target."""
    return lambda base: _model(base, target=config)


def hop(size: int) -> Change:
    """Change the hop, and with it all that is counted per frame, so that both budgets stay what they are."""

    def change(base: Preset) -> Preset:
        share = size / base.model.target.hop
        config = LocalConfig(size, basis=size - 2 * base.model.target.bands, bands=base.model.target.bands)
        narrow = dataclasses.replace(
            base.model.hypernetwork, bottleneck=round(base.model.hypernetwork.bottleneck * share)
        )
        return _model(base, target=config, hypernetwork=narrow)

    return change


def addressed_hop(size: int) -> Change:
    """The same for a hypernetwork that sends the loudest waves: as many levels, and values with what is left."""

    def change(base: Preset) -> Preset:
        old, share = base.model.target, size / base.model.target.hop
        low, high = old.pulses
        config = dataclasses.replace(
            old,
            hop=size,
            loudest=round(old.loudest * share),
            textures=round((size - old.bands - 4 - round(old.loudest * share)) / 2),
            pulses=(max(1.0, low * share), min(high * share, size / 4)),
        )
        narrow = dataclasses.replace(
            base.model.hypernetwork,
            bottleneck=math.floor(base.model.hypernetwork.bottleneck * share),
            block=round(base.model.hypernetwork.block / share),
        )
        return _model(base, target=config, hypernetwork=narrow)

    return change


def _model(base: Preset, **changes: object) -> Preset:
    return dataclasses.replace(base, model=dataclasses.replace(base.model, **changes))


HOP = 160
WIRED: dict[str, Change] = {
    "the preset": lambda base: base,
    "random start in place of the transform codec": network(wired=False),
    "one readout for level and content (no bands)": kind(LocalConfig(hop=HOP)),
    "the same, random start": lambda base: network(wired=False)(kind(LocalConfig(hop=HOP))(base)),
    "8 bands": target(bands=8, basis=144),
    "pairs of sine and cosine in place of lapped waves": target(waves="paired"),
    "FourierMLP on local time": kind(
        LocalNetworkConfig(HOP, FourierMLPConfig(hidden_layers=1, width=1, num_octaves=0, num_frequencies=78))
    ),
    "SIREN on local time": kind(LocalNetworkConfig(HOP, SIRENConfig(hidden_layers=2, width=10, omega_0=500.0))),
    "hop 80": hop(80),
    "hop 320": hop(320),
    "width 128": network(width=128),
    "width 384": network(width=384),
    "no dilated blocks but one": network(dilations=(1,)),
    "without mel_nmse": loss(terms="0.5*log_nmse+mel_stft"),
    "without mel_stft": loss(terms="0.5*log_nmse+mel_nmse"),
    "without log_nmse": loss(terms="mel_nmse+mel_stft"),
    "three resolutions": loss(fft_sizes=(512, 1024, 2048)),
    "no moving average": training(ema_decay=0.0),
    "learning rate 5e-4": training(learning_rate=5e-4),
    "learning rate 4e-3": training(learning_rate=4e-3),
    "batches of 4": training(batch_size=4),
    "the paper's augmentation": training(augment=True),
}
TINY: dict[str, Change] = {
    "the preset": lambda base: base,
    "without pulses": target(pulses=(), basis=196),
    "random start in place of the transform codec": network(wired=False),
    "the loss of local-wired": loss(terms="0.5*log_nmse+mel_nmse+mel_stft"),
    "without log_nmse and mel_nmse": loss(terms="mel_stft"),
}
ADDRESSED: dict[str, Change] = {
    "the preset": lambda base: base,
    "every frame alone (no blocks)": network(block=1),
    "blocks of 4": network(block=4),
    "blocks of 32": network(block=32),
    "no ceiling": target(ceiling=1.0),
    "ceiling 0.25": target(ceiling=0.25),
    "16 bands of textures": target(textures=16),
    "32 bands of textures": target(textures=32),
    "12 bands": target(bands=12),
    "20 bands": target(bands=20),
    "hop 160": addressed_hop(160),
    "hop 512": addressed_hop(512),
    "width 128": network(width=128),
    "no dilated blocks but one": network(dilations=(1,)),
    "mel_stft alone": loss(terms="mel_stft"),
    "the loss of local-wired": loss(terms="0.5*log_nmse+mel_nmse+mel_stft"),
    "learning rate 1e-3": training(learning_rate=1e-3),
}
ROWS = {"local-hifi": ADDRESSED, "local-tiny": TINY, "local-wired": WIRED}


def run(quick: bool = False, speech: Path | None = None, limit: float = 60.0) -> dict:
    """Train every row for `limit` seconds, and score it on unseen voices."""
    seconds = 5.0 if quick else limit
    rate = preset("local-hifi").model.sample_rate
    data = {"all": local_speech.stores(speech, rate)}
    chosen = local_speech.excerpts(speech, RECORDINGS, SECONDS)
    rows = []

    def add(base: str, name: str, changed: Preset, corpora: str = "all") -> None:
        result = local_speech.train_for(seconds, changed.model, changed.training, data[corpora])
        model = result.model.eval()
        found = evaluate(model, chosen, rates=[rate], metrics=METRICS, references=False)
        rows.append({"base": base, "changed": name, "steps": result.step, **found.means("model")})
        print(rows[-1], flush=True)

    for base, changes in ROWS.items():
        for name, change in changes.items():
            add(base, name, change(preset(base)))
    if speech is not None:
        data["embedded"] = local_speech.stores(None, rate)
        add("local-hifi", "the embedded corpus alone", preset("local-hifi"), "embedded")
    return {"seconds": seconds, "recordings": [e.name for e in chosen], "rows": rows}
