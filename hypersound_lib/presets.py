"""Models by name, each with the training that suits it: the paper's (Table 1), two for a laptop, and local ones."""

from dataclasses import dataclass, replace

from hypersound_lib.encoder import EncoderConfig
from hypersound_lib.errors import ConfigError
from hypersound_lib.hypernetwork import HyperNetworkConfig
from hypersound_lib.inr import BASE, LARGE, SMALL, FourierMLPConfig, SIRENConfig
from hypersound_lib.inr.local import LocalConfig
from hypersound_lib.local_config import LocalHyperSoundConfig
from hypersound_lib.local_hypernetwork import LocalHyperNetworkConfig
from hypersound_lib.losses import LossConfig
from hypersound_lib.model import HyperSoundConfig
from hypersound_lib.training.config import TrainingConfig


@dataclass(frozen=True)
class Preset:
    """A model and how to train it."""

    summary: str  # in a line
    model: HyperSoundConfig | LocalHyperSoundConfig
    training: TrainingConfig


# Hidden layers 400, 768 × 4, 400, then the head: "six fully connected layers" read as six hidden ones.
_PAPER_TRAINING = TrainingConfig()
_LOCAL_LOSS = LossConfig("0.5*log_nmse+mel_nmse+mel_stft", fft_sizes=(512, 2048), n_mels=80, overlap=4)
# What each choice brings in half a minute: data/results/bench_local_ablation.json.
# Not the paper's augmentation: a turned phase is no obstacle to a model that hears the phase of each frame.
_LOCAL_TRAINING = TrainingConfig(
    steps=2000,
    batch_size=16,
    learning_rate=2e-3,
    warmup_steps=50,
    schedule="cosine",
    max_grad_norm=1.0,
    ema_decay=0.99,
    loss=_LOCAL_LOSS,
    augment=False,
)
# What is left to learn there are textures: phase counts where waves are sent, and those are exact already.
_ADDRESSED_TRAINING = replace(
    _LOCAL_TRAINING, steps=2500, learning_rate=3e-3, loss=replace(_LOCAL_LOSS, terms="0.5*mel_nmse+mel_stft")
)
PRESETS = {
    "paper-base": Preset(
        "the paper's model: 4 × 256 target, 206 081 generated weights",
        HyperSoundConfig(target=BASE),
        _PAPER_TRAINING,
    ),
    "paper-small": Preset(
        "the paper's small target: 4 × 64, 14 657 generated weights",
        HyperSoundConfig(target=SMALL),
        _PAPER_TRAINING,
    ),
    "paper-large": Preset(
        "the paper's large target: 6 × 384, 752 257 generated weights",
        HyperSoundConfig(target=LARGE),
        _PAPER_TRAINING,
    ),
    "paper-siren": Preset(
        "the paper's hypernetwork with a SIREN of 4 × 256 as target",
        HyperSoundConfig(target=SIRENConfig(hidden_layers=4, width=256)),
        _PAPER_TRAINING,
    ),
    # Its choices were measured, one by one: data/results/bench_sweep.json.
    "tutorial": Preset(
        "64 ms at 8 kHz, evenly spaced frequencies, one hidden layer: a laptop trains it in minutes",
        HyperSoundConfig(
            sample_rate=8000,
            num_samples=512,
            encoder=EncoderConfig(strides=(4, 8), dilations=(1,)),
            hypernetwork=HyperNetworkConfig(hidden=(400,)),
            target=FourierMLPConfig(hidden_layers=1, width=32, num_octaves=0, num_frequencies=256),
        ),
        TrainingConfig(
            steps=6500,
            batch_size=32,
            learning_rate=3e-4,
            warmup_steps=50,
            schedule="cosine",
            max_grad_norm=1.0,
            loss=LossConfig("log_nmse+0.1*mel_stft", fft_sizes=(128, 256, 512), n_mels=32),
        ),
    ),
    # What `HyperSound.from_pretrained("hypersound-small")` loads was trained by this.
    "hypersound-small": Preset(
        "64 ms at 16 kHz, in the manner of `tutorial`: the weights that come with the library",
        HyperSoundConfig(
            sample_rate=16000,
            num_samples=1024,
            encoder=EncoderConfig(strides=(4, 8), dilations=(1,)),
            hypernetwork=HyperNetworkConfig(hidden=(400,)),
            target=FourierMLPConfig(hidden_layers=1, width=24, num_octaves=0, num_frequencies=512),
        ),
        TrainingConfig(
            steps=16000,
            batch_size=32,
            learning_rate=3e-4,
            warmup_steps=50,
            schedule="cosine",
            max_grad_norm=1.0,
            ema_decay=0.999,
            loss=LossConfig("log_nmse+0.2*mel_stft", fft_sizes=(256, 512, 1024), n_mels=64),
        ),
    ),
    # The paper's budgets for a clip of 32 768 samples, per second: 9 862 θ floats and 2 218 (103 × 32) in the narrowest
    # layer; then its 400 units, 269; then one θ float per sample, and a quarter of that.
    "local-small": Preset(
        "any length at 22 kHz: 224 generated numbers per frame of 23 ms, through 51: 32 are of the loudest waves",
        LocalHyperSoundConfig(
            target=LocalConfig(hop=512, bands=16, loudest=112, textures=48, pulses=(1.4, 9.3)),
            hypernetwork=LocalHyperNetworkConfig(bottleneck=51, block=16),
        ),
        _ADDRESSED_TRAINING,
    ),
    "local-tiny": Preset(
        "any length at 22 kHz, 228 generated numbers per frame of 23 ms, through 6: pitch, phase, and four more",
        LocalHyperSoundConfig(
            target=LocalConfig(hop=512, basis=178, bands=16, pulses=(1.4, 9.3)),  # 60 to 400 Hz
            hypernetwork=LocalHyperNetworkConfig(bottleneck=6),
        ),
        # Four numbers a frame hold no waveform: it is to hear spectra first.
        replace(_LOCAL_TRAINING, loss=replace(_LOCAL_LOSS, terms="0.1*log_nmse+0.15*mel_nmse+mel_stft")),
    ),
    "local-hifi": Preset(
        "any length at 22 kHz: 316 generated numbers per frame of 15 ms, through 79: 60 are of the loudest waves",
        LocalHyperSoundConfig(
            target=LocalConfig(hop=320, bands=16, loudest=144, textures=76, pulses=(1.0, 5.8)),
            hypernetwork=LocalHyperNetworkConfig(bottleneck=79, block=16),
        ),
        _ADDRESSED_TRAINING,
    ),
    # What notebook 8 builds and trains: it learns what to send, where `local-hifi` is told.
    "local-wired": Preset(
        "any length at 22 kHz, 160 generated numbers per frame of 7 ms, through 39 that are learnt",
        LocalHyperSoundConfig(
            target=LocalConfig(hop=160, basis=128, bands=16),
            hypernetwork=LocalHyperNetworkConfig(bottleneck=39),
        ),
        _LOCAL_TRAINING,
    ),
}


def preset(name: str) -> Preset:
    """Return a preset by name.

    Raises:
        ConfigError: there is no such preset.

    >>> preset("paper-base").model.num_samples
    32768
    """
    if name not in PRESETS:
        raise ConfigError(f"{name!r} is no preset; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
