"""`make bench` keeps what was measured, and says where something failed."""

import json

import pytest

from tests.benchmarks import __main__ as bench


@pytest.mark.parametrize(
    ("found", "kept", "status"),
    [
        pytest.param({"skipped": True}, {"seconds": 1}, 0, id="nothing measured"),
        pytest.param({"seconds": 2}, {"seconds": 2}, 0, id="measured"),
        pytest.param({"failed": 3}, {"failed": 3}, 1, id="failed"),
    ],
)
def test_a_record_is_replaced_by_what_was_measured_alone(found, kept, status, monkeypatch, tmp_path):
    class Benchmark:
        @staticmethod
        def run(quick=False):
            return found

    record = tmp_path / "bench_step.json"
    record.write_text(json.dumps({"results": {"seconds": 1}}))
    monkeypatch.setattr(bench, "RESULTS", tmp_path)
    monkeypatch.setattr(bench, "BENCHMARKS", {"step": Benchmark})
    monkeypatch.setattr("sys.argv", ["bench", "step"])
    assert bench.main() == status
    assert json.loads(record.read_text())["results"] == kept
