"""What the rate benchmark compares: only files that exist, real sizes, both PSNRs."""

import importlib
import json
import math
from pathlib import Path

import pytest
import torch

from tests.benchmarks import bench_rate as rate

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "data" / "results"
pytest.importorskip("pesq")
pytest.importorskip("pystoi")


@pytest.fixture(scope="module")
def clips():
    return [clip._replace(sound=clip.sound[: rate.RATE]) for clip in rate._clips(None, 2)]


class Halved:
    """A model of whose sounds half the amplitude comes back, in files of so many kbit/s exactly."""

    def compress(self, sound, sample_rate, kbps):
        self.sound, self.sample_rate = sound, sample_rate
        return bytes(round(kbps * 125 * len(sound) / sample_rate))

    def decompress(self, data):
        from hypersound_lib.data import resample

        return 0.5 * resample(self.sound, self.sample_rate, 22050)


def test_a_row_counts_bytes_and_leaves_out_what_has_no_file(clips):
    def copy(sound):
        return None if sound is clips[0].sound else rate.CodecCopy(sound, payload_bytes=250, file_bytes=500)

    row = rate._row(rate.System("a codec", "2", copy), clips, [])
    assert (row["clips"], row["kbps"], row["file_kbps"]) == (1, 2.0, 4.0)
    assert row["pesq"] == pytest.approx(4.64, abs=0.01)
    assert row["lsd"] == 0
    assert set(row["intervals"]) == {"kbps", "file_kbps", *rate.METRICS}
    assert row["groups"]["mini"]["kbps"] == 2.0
    nothing = rate._row(rate.System("x", "1", lambda sound: None), clips, [])
    assert nothing == {"system": "x", "asked": "1", "clips": 0}


def test_codecs_that_are_not_installed_are_named(monkeypatch, capsys):
    monkeypatch.setattr(rate.codecs, "available", lambda *tools: "lame" in tools)
    systems, missing = rate._codecs(quick=False)
    assert missing == ["Opus", "Codec 2"]
    assert [(system.name, system.asked) for system in systems] == [("MP3", f"{kbps}") for kbps in rate.MP3]
    assert "opusenc and opusdec are not installed" in capsys.readouterr().out


def test_psnr_is_of_the_recording_s_own_level_and_has_two_conventions(monkeypatch, tmp_path):
    from hypersound_lib.evaluation import Excerpt

    recording = 0.1 * torch.sin(torch.arange(4 * 16000) * 0.2)
    chosen = [Excerpt("tone", recording, 16000, seconds=3.0)]
    monkeypatch.setattr(rate, "choose_excerpts", lambda *_, **settings: (chosen, {}))
    found = rate._inr_protocol(Halved(), tmp_path, 1)
    power = (0.05**2) / 2  # of the error
    for row, kbps in zip(found["rows"], (5.6, 13.8, 27.5), strict=True):
        assert row["kbps"] == pytest.approx(kbps, abs=0.01)
        assert row["psnr_unit"] == pytest.approx(10 * math.log10(1 / (power / 4)), abs=0.05)
        assert row["psnr_unit"] - row["psnr_signed"] == pytest.approx(6.0206, abs=1e-4)


@pytest.mark.slow
def test_the_plot_is_the_same_for_the_same_results(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "data" / "build")
    table, document = importlib.import_module("rate_table"), json.loads((RESULTS / "bench_rate.json").read_text())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        table.draw(document, tmp_path / name)
    for name in ("rate.png", "rate.svg"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
