"""The loader's benchmark runs and reports numbers that JSON can hold."""

import json

import pytest

from tests.benchmarks import bench_loader


@pytest.mark.slow
def test_the_quick_benchmark_reports_every_way_of_loading():
    result = json.loads(json.dumps(bench_loader.run(quick=True)))
    rates = {key: value for key, value in result.items() if key.endswith("batches_per_second")}
    assert len(rates) == 5
    assert all(value > 0 for value in result.values())
    assert rates["memory_plain_0_workers_batches_per_second"] > rates["decoded_plain_0_workers_batches_per_second"]
