"""Models by name, each with the training that suits it: the paper's, one for a T4, two for a laptop, a local one."""

from dataclasses import dataclass

from hypersound_lib.errors import ConfigError, suggestion
from hypersound_lib.hypersound.encoder import EncoderConfig
from hypersound_lib.hypersound.hypernetwork import HyperNetworkConfig
from hypersound_lib.hypersound.model import HyperSoundConfig
from hypersound_lib.inr import BASE, LARGE, SMALL, FourierMLPConfig, SIRENConfig
from hypersound_lib.local.config import LocalHyperSoundConfig
from hypersound_lib.losses import LossConfig
from hypersound_lib.training.config import TrainingConfig

_PAPER_TRAINING = TrainingConfig()


@dataclass(frozen=True)
class Preset:
    """A model and how to train it."""

    summary: str  # in a line
    model: HyperSoundConfig | LocalHyperSoundConfig
    training: TrainingConfig = _PAPER_TRAINING


# What each part brings: data/results/bench_local_ablation.json.
_LOCAL_TRAINING = TrainingConfig(
    steps=12500,
    batch_size=12,
    learning_rate=1e-3,
    warmup_steps=100,
    schedule="cosine",
    weight_decay=1e-3,
    max_grad_norm=1.0,
    ema_decay=0.999,
    loss=LossConfig(
        "0.48*band_level+1.28*band_error+0.4*log_nmse+8*loudness+0.05*spectrum_level+2*band_excess",
        fft_sizes=(256, 512, 1024, 2048),
    ),
    augment="codec",
)
# Hidden layers 400, 768 × 4, 400, then the head: "six fully connected layers" read as six hidden ones.
PRESETS = {
    "paper-base": Preset("the paper's model: 4 × 256 target, 206 081 generated weights", HyperSoundConfig(target=BASE)),
    "paper-small": Preset("the paper's small target: 4 × 64, 14 657 generated weights", HyperSoundConfig(target=SMALL)),
    "paper-large": Preset(
        "the paper's large target: 6 × 384, 752 257 generated weights", HyperSoundConfig(target=LARGE)
    ),
    "paper-siren": Preset(
        "the paper's hypernetwork with a SIREN of 4 × 256 as target",
        HyperSoundConfig(target=SIRENConfig(hidden_layers=4, width=256)),
    ),
    # For an hour, not for days: six times the paper's learning rate, and the mean of the latest weights is kept. Nobody
    # found the phases of clips of a second in that time (data/results/bench_clip_*.json), so the loss is the paper's,
    # which gives level and timbre without them. What it learns in minutes: data/results/bench_gpu_quality.json.
    "t4": Preset(
        "the paper's small target, 1.49 s at 22 kHz, trained in about an hour on a T4",
        HyperSoundConfig(target=SMALL),
        TrainingConfig(
            steps=8000, batch_size=32, learning_rate=3e-4, warmup_steps=200, max_grad_norm=1.0, ema_decay=0.999
        ),
    ),
    # Its choices were measured, one by one: data/results/bench_sweep.json.
    "tutorial": Preset(
        "256 ms at 8 kHz, evenly spaced frequencies, one hidden layer of 4 units: a laptop trains it in minutes",
        HyperSoundConfig(
            sample_rate=8000,
            num_samples=2048,
            encoder=EncoderConfig(strides=(4, 8), dilations=(1,)),
            hypernetwork=HyperNetworkConfig(hidden=(800,)),
            target=FourierMLPConfig(hidden_layers=1, width=4, num_octaves=0, num_frequencies=1024),
        ),
        TrainingConfig(
            steps=4500,
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
        "64 ms at 16 kHz, one hidden layer of 24 units: the weights that come with the library",
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
    "local": Preset(
        "any length at 22 kHz, in bits: one model for 2 to 32 kbit/s", LocalHyperSoundConfig(), _LOCAL_TRAINING
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
        raise ConfigError(f"{name!r} is no preset; {suggestion(name, PRESETS)}Choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
