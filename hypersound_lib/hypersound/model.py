"""HyperSound: encode a clip once, and write the network that plays it (paper, eq. 1 and 2).

waveform (B, T) ──encoder──► frames (B, F, E) ──hypernetwork──► params {name: (B, *shape)}
coords   (T', 1) ──target network with params──► waveform (B, T')
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from hypersound_lib.config_json import MOST_SAMPLES
from hypersound_lib.coords import clip_duration, instants, samples_in, time_coords
from hypersound_lib.data import as_sound
from hypersound_lib.errors import HIGHEST_RATE, ConfigError, check_sample_rate, limit_sizes
from hypersound_lib.hub.model import PretrainedModel, count
from hypersound_lib.hypersound.encoder import EncoderConfig, SoundStreamEncoder
from hypersound_lib.hypersound.hypernetwork import HyperNetwork, HyperNetworkConfig
from hypersound_lib.hypersound.reconstruction import clips_per_second, reconstruct_blocks
from hypersound_lib.inr import INR, FourierMLPConfig, INRConfig, build_inr


@dataclass(frozen=True)
class HyperSoundConfig:
    """Everything that fixes a `HyperSound`'s shape; see `hypersound_lib.presets` for the paper's."""

    sample_rate: int = 22050  # Hz
    num_samples: int = 32768  # of a clip; the fully connected layers fix it
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    hypernetwork: HyperNetworkConfig = field(default_factory=HyperNetworkConfig)
    target: INRConfig = field(default_factory=FourierMLPConfig)
    shared: tuple[str, ...] = ()  # the target's parameters that all sounds have in common, by name

    def __post_init__(self):
        limit_sizes(self, sample_rate=HIGHEST_RATE, num_samples=MOST_SAMPLES)


class HyperSound(PretrainedModel):
    """A hypernetwork H and its target network T: `x̂(t) = T(t, H(x))`, `(B, T) -> (B, T)`.

    The target's own `shared` parameters, if any, are trained like all others; the rest of θ is generated for every
    clip.

    >>> from hypersound_lib.presets import PRESETS
    >>> model = HyperSound(PRESETS["tutorial"].model)
    >>> clips = torch.zeros(2, model.config.num_samples)
    >>> model(clips).shape == clips.shape
    True
    """

    kind = "HyperSound"
    config_class = HyperSoundConfig

    def __init__(self, config: HyperSoundConfig = HyperSoundConfig()):
        super().__init__(config)
        self.duration = clip_duration(config.num_samples, config.sample_rate)  # seconds, exactly
        self._dtype = time_coords(config.num_samples).dtype  # of instants, the last one included
        self.encoder = SoundStreamEncoder(config.encoder)
        self.target: INR = build_inr(config.target)
        code_shape = self.encoder.output_shape(config.num_samples)
        self.hypernetwork = HyperNetwork(code_shape, self.target, config.hypernetwork, config.shared)
        self.target.release(self.hypernetwork.shapes)

    def encode(self, waveform: Tensor) -> dict[str, Tensor]:
        """Write a target network for each clip: `(B, T) -> {name: (B, *shape)}` (paper, eq. 1).

        Raises:
            ConfigError: the clips are not as long as the model's, or not as `as_batch` wants them. `reconstruct` takes
                any sound: it resamples it and cuts it into clips.
        """
        if waveform.ndim != 2 or waveform.shape[-1] != self.config.num_samples:
            raise ConfigError(
                f"this model takes clips (B, {self.config.num_samples}) at {self.config.sample_rate} Hz, not "
                f"{tuple(waveform.shape)}; HyperSound.reconstruct resamples and cuts a sound of any length"
            )
        return self.hypernetwork(self.encoder(self.as_batch(waveform)))

    def decode(
        self,
        params: Mapping[str, Tensor],
        num_samples: int | None = None,
        sample_rate: int | None = None,
        start: int | Tensor = 0,
    ) -> Tensor:
        """Play target networks: `{name: (B, *shape)} -> (B, T')` (paper, eq. 2).

        Args:
            params: what `encode` returned.
            num_samples: how many samples; None plays to the clip's end.
            sample_rate: at which rate, in Hz; None stands for the model's own.
            start: the first sample, counted at that rate: a window of a clip costs as much less as it is shorter. As a
                tensor (), at the model's own rate, it is not checked, and `torch.compile` makes one graph for all.

        Raises:
            ConfigError: the samples do not all lie in the clip, where alone the network has learnt what to say; or
                there are no weights.
        """
        if not params:
            raise ConfigError("there are no weights to play: pass what encode returned")
        rate = self.config.sample_rate if sample_rate is None else sample_rate
        check_sample_rate(rate)
        own = rate == self.config.sample_rate
        total = self.config.num_samples if own else samples_in(self.duration, rate)
        count = total - int(start) if num_samples is None else num_samples
        if not isinstance(start, Tensor) and (start < 0 or count < 1 or start + count > total):
            raise ConfigError(
                f"samples {start} to {start + count} do not lie in the clip, which has {total} at {rate} Hz"
            )
        like = next(iter(params.values()))
        exact = torch.float64 if like.dtype == torch.float64 else None
        if own:
            coords = instants(count, total, 1, start, exact or self._dtype, like.device)
        else:
            coords = time_coords(
                count, sample_rate=rate, duration=self.duration, start=int(start), dtype=exact, device=like.device
            )
        return self.target(coords, params)

    def forward(
        self, waveform: Tensor, start: int | Tensor = 0, num_samples: int | None = None, *, with_costs: bool = False
    ) -> Tensor | tuple[Tensor, dict[str, Tensor]]:
        """Encode clips and play them, or a window of them: `(B, T) -> (B, num_samples)`.

        With `with_costs` it also returns what the code costs, as training wants it: here nothing, an empty dictionary.
        """
        sound = self.decode(self.encode(waveform), num_samples, start=start)
        return (sound, {}) if with_costs else sound

    def reconstruct(self, waveform: Tensor, sample_rate: int, output_rate: int | None = None) -> Tensor:
        """Encode a sound of any length and rate, clip by clip, and play it at any rate: `(T,) -> (T',)`.

        T' = ⌊T · output_rate / sample_rate + ½⌋, float32 on the CPU. Rates are in Hz; None stands for the model's own.

        Like the recordings that models are trained on, the sound is brought to the model's rate, then to zero mean and
        full scale; the result has the original's scale and mean. Silence stays silent. A clip that peaks 18 dB above
        the median of all clips' peaks has a gain of its own.

        Above the model's rate the networks are asked on the finer grid, and nothing is resampled. A coarser grid would
        fold back what it cannot hold, so below the model's rate the networks play at that rate, and soxr brings it
        down.

        Raises:
            ConfigError: the waveform is not `(T,)` with T ≥ 1, holds NaN or Inf, or a rate is impossible.
        """
        sound = as_sound(waveform)
        return torch.cat([torch.zeros(0), *reconstruct_blocks(self, lambda: [sound], sample_rate, output_rate)])

    def reconstruct_blocks(
        self, read: Callable[[], Iterable[Tensor]], sample_rate: int, output_rate: int | None = None
    ) -> Iterator[Tensor]:
        """Yield what `reconstruct` returns in blocks, in constant memory; see `PretrainedModel.reconstruct_blocks`."""
        yield from reconstruct_blocks(self, read, sample_rate, output_rate)

    @property
    def theta_per_second(self) -> float:
        """How many generated weights describe a second of a long sound, whose clips overlap as by default."""
        return self.hypernetwork.num_generated * clips_per_second(self)

    @property
    def narrowest_per_second(self) -> float:
        """How many numbers a second of a long sound is squeezed through: the narrowest layer on the way to θ."""
        frames, embedding_size = self.encoder.output_shape(self.config.num_samples)
        return min(frames * embedding_size, *self.config.hypernetwork.hidden) * clips_per_second(self)

    def num_parameters(self) -> dict[str, int]:
        """Count parameters where they sit: encoder, hidden layers, head, and those that all sounds share."""
        network = self.hypernetwork
        return count(encoder=self.encoder, hidden=network.hidden, head=network.head, shared=self.target)
