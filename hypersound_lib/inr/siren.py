"""SIREN: a network of sines (Sitzmann et al. 2020, "Implicit Neural Representations with Periodic Activation
Functions", the paper's related work [1])."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from hypersound_lib.config_json import limit_sizes
from hypersound_lib.errors import ConfigError
from hypersound_lib.inr.base import INR
from hypersound_lib.inr.linear import dense_layers, first_sine, init_siren_, linear


@dataclass(frozen=True)
class SIRENConfig:
    """Size and frequencies of a `SIREN`."""

    hidden_layers: int = 5
    width: int = 256  # units in each hidden layer
    # First layer, in rad per unit of t. 6000 on [0, 1) is the authors' 3000 on [-1, 1] for audio: at the start
    # the first layer's sines reach 6000 / 2π = 955 cycles per clip.
    omega_0: float = 6000.0
    hidden_omega: float = 30.0  # all later layers


class SIREN(INR):
    """x̂(t) = W sin(ω(… sin(ω₀(W₀t + b₀)) …)) + b: `(T, 1) -> (T,)`.

    >>> SIREN(SIRENConfig(hidden_layers=5, width=256)).num_params
    263937
    """

    config: SIRENConfig
    residual_scale = 1e-3  # ω turns a small change of a weight into another phase

    def __init__(self, config: SIRENConfig = SIRENConfig()):
        super().__init__()
        limit_sizes(config, hidden_layers=256, width=65536)
        if config.hidden_layers < 1 or config.width < 1:
            raise ConfigError(f"hidden_layers and width must be positive, not {config}")
        if config.omega_0 <= 0 or config.hidden_omega <= 0:
            raise ConfigError(f"omega_0 and hidden_omega must be positive, not {config}")
        self.config = config
        self.layers = dense_layers(1, config.width, config.hidden_layers)
        init_siren_(self.layers, config.hidden_omega)

    def evaluate(self, features: Tensor, params: Mapping[str, Tensor]) -> Tensor:
        """Map features, here coords `(..., T, 1)` themselves, to samples `(..., T, 1)`."""
        x = first_sine(features, params["layers.0.weight"], params["layers.0.bias"], self.config.omega_0)
        last = len(self.layers) - 1
        for i in range(1, last):
            x = linear(x, params[f"layers.{i}.weight"], params[f"layers.{i}.bias"])
            x = torch.sin(self.config.hidden_omega * x)
        return linear(x, params[f"layers.{last}.weight"], params[f"layers.{last}.bias"])
