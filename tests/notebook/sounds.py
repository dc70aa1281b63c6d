"""Tones to play and draw, and what the players on a page hold."""

import base64
import io
import re

import soundfile
import torch

RATE = 22050


def tone(hertz, rate=RATE, seconds=0.5, level=0.5):
    return level * torch.sin(2 * torch.pi * hertz * torch.arange(round(seconds * rate)) / rate)


def played(page):
    """Return of every player on a page: samples, rate, format, and the label that a screen reader says."""
    found = re.findall(r'(?:aria-label="([^"]*)" )?src="data:audio/(\w+);base64,([^"]+)"', page)
    return [(*soundfile.read(io.BytesIO(base64.b64decode(data))), kind, label) for label, kind, data in found]
