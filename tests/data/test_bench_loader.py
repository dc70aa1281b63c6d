"""The loader's benchmark runs and reports numbers that JSON can hold."""

import importlib.util
import json
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_quick_benchmark_reports_every_way_of_loading():
    path = Path(__file__).parents[1] / "benchmarks" / "bench_loader.py"
    spec = importlib.util.spec_from_file_location("bench_loader", path)
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    result = json.loads(json.dumps(bench.run(quick=True)))
    rates = {key: value for key, value in result.items() if key.endswith("batches_per_second")}
    assert len(rates) == 5
    assert all(value > 0 for value in result.values())
    assert rates["memory_plain_0_workers_batches_per_second"] > rates["decoded_plain_0_workers_batches_per_second"]
