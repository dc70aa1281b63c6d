"""`make bench` keeps what was measured, and says where something failed."""

import json
import sys

import pytest
import torch

from tests.benchmarks import __main__ as bench
from tests.benchmarks import bench_fit


@pytest.mark.parametrize(
    ("found", "kept", "status"),
    [
        pytest.param(None, {"seconds": 1}, 0, id="nothing measured"),
        pytest.param({"seconds": 2}, {"seconds": 2}, 0, id="measured"),
        pytest.param({"failed": 3}, {"failed": 3}, 1, id="failed"),
    ],
)
def test_a_record_is_replaced_by_what_was_measured_alone(found, kept, status, monkeypatch, tmp_path):
    class Benchmark:
        @staticmethod
        def run(quick=False):
            return found

    name = "gpu_speed" if found is None else "step"
    record = tmp_path / f"bench_{name}.json"
    record.write_text(json.dumps({"results": {"seconds": 1}}))
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setitem(sys.modules, f"tests.benchmarks.bench_{name}", Benchmark)
    monkeypatch.setattr("sys.argv", ["bench", name])
    assert bench.main() == status
    assert json.loads(record.read_text())["results"] == kept


def test_a_fit_that_is_cut_says_so():
    clip = torch.sin(torch.arange(2048) / 8) * torch.hann_window(2048)
    row = bench_fit.fit_once(bench_fit.PLAIN, clip, limit=0.0)
    assert not row["reached"]
    assert row["metrics"]["snr"] < bench_fit.TARGET_SNR
