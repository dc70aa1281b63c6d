"""INRs of every kind, so small that a test takes milliseconds, and weights as a hypernetwork generates them."""

import torch

from hypersound_lib.inr import INR, FourierMLP, FourierMLPConfig, ModulatedSIRENConfig, SIRENConfig, build_inr

CONFIGS = {
    "fourier": FourierMLPConfig(hidden_layers=2, width=8, num_octaves=5),
    "free": FourierMLPConfig(hidden_layers=1, width=8, num_octaves=0, num_frequencies=6),
    "time only": FourierMLPConfig(hidden_layers=2, width=8, num_octaves=0),
    "siren": SIRENConfig(hidden_layers=3, width=8, omega_0=40.0),
    "modulated": ModulatedSIRENConfig(hidden_layers=3, width=8, latent_size=4, omega_0=40.0),
}


def make(kind: str) -> INR:
    """Return an INR in float64; its free frequencies are others than those that it would choose."""
    torch.manual_seed(0)
    config = CONFIGS[kind]
    return (FourierMLP(config, torch.linspace(0.7, 9, 6)) if kind == "free" else build_inr(config)).double()


def generated(inr, names=None, batch=3):
    """Return weights for each item of a batch, a little off the INR's own: all of them, or those of these names."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: (p.detach() + 0.1 * torch.randn(batch, *p.shape, generator=generator, dtype=p.dtype)).requires_grad_()
        for name, p in inr.named_parameters()
        if names is None or name in names
    }
