"""`make bench` keeps what was measured, and says where something failed."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch

from hypersound_lib.training import TrainingResult
from tests.benchmarks import __main__ as bench
from tests.benchmarks import bench_fit, bench_gpu_correctness, bench_gpu_speed
from tests.benchmarks.bench_traffic import Traffic
from tests.benchmarks.common import Rows, trained
from tests.training.tiny import TRAINING, make_model


@pytest.fixture
def run(monkeypatch, tmp_path):
    """Return what runs such benchmarks, and keeps their records in `tmp_path`."""

    def run(cuda=True, **benchmarks):
        for name, benchmark in benchmarks.items():
            monkeypatch.setitem(sys.modules, f"tests.benchmarks.bench_{name}", SimpleNamespace(run=benchmark))
        monkeypatch.setattr(bench, "RESULTS", tmp_path)
        monkeypatch.setattr(bench, "provenance", lambda command, seed: {})
        monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
        monkeypatch.setattr("sys.argv", ["bench", *benchmarks])
        return bench.main()

    return run


def recorded(folder, name):
    return json.loads((folder / f"bench_{name}.json").read_text())["results"]


@pytest.mark.parametrize(
    ("found", "status"), [({"seconds": 2}, 0), ({"failed": 3}, 1), ({"left_out": ["row"]}, 1)], ids=str
)
def test_a_record_is_replaced_by_what_was_measured(found, status, run, tmp_path):
    (tmp_path / "bench_step.json").write_text(json.dumps({"results": {"seconds": 1}}))
    assert run(step=lambda quick=False: found) == status
    assert recorded(tmp_path, "step") == found


def test_without_a_gpu_what_was_measured_on_one_stays(run, tmp_path):
    (tmp_path / "bench_gpu_speed.json").write_text(json.dumps({"results": {"seconds": 1}}))
    assert run(cuda=False, gpu_speed=lambda quick=False: {"seconds": 2}) == 0
    assert recorded(tmp_path, "gpu_speed") == {"seconds": 1}


def test_after_a_part_that_fails_the_next_one_runs_and_is_kept_at_once(run, tmp_path, capsys):
    def second(quick=False):
        assert not list(tmp_path.iterdir()), "what failed measured nothing"
        return {"seconds": 2}

    def third(quick=False):
        assert recorded(tmp_path, "gpu_speed") == {"seconds": 2}
        return {"seconds": 3}

    assert run(gpu_correctness=lambda quick=False: 1 / 0, gpu_speed=second, gpu_quality=third) == 1
    assert "ZeroDivisionError" in capsys.readouterr().err
    assert recorded(tmp_path, "gpu_quality") == {"seconds": 3}


TESTS = """
import pathlib, time, pytest
def test_passes(): pass
def test_fails(): assert 1 == 2
@pytest.mark.skip(reason="no such thing here")
def test_is_passed_over(): pass
def test_hangs():
    pathlib.Path(__file__).with_name("hangs").touch()
    time.sleep(1000)
def test_comes_after(): pass
"""


def test_of_tests_that_a_limit_cuts_those_that_ended_are_kept(monkeypatch, tmp_path):
    (tmp_path / "test_some.py").write_text(TESTS)
    waits = subprocess.Popen.wait

    def wait(process, timeout=None):
        if timeout is None:
            return waits(process)
        while not (tmp_path / "hangs").exists():  # on a busy machine, too, the limit comes in that test
            assert process.poll() is None, "it ended before the test that hangs"
            time.sleep(0.05)
        raise subprocess.TimeoutExpired("pytest", timeout)

    monkeypatch.setattr(subprocess.Popen, "wait", wait)
    monkeypatch.setattr(bench_gpu_correctness, "_options", lambda quick: [])
    found = bench_gpu_correctness.run(quick=True, tests=tmp_path)
    ends = {name.rpartition("::")[2]: row for name, row in found["tests"].items()}
    outcomes = {"test_passes": "passed", "test_fails": "failed", "test_is_passed_over": "passed over"}
    assert {name: row["outcome"] for name, row in ends.items()} == outcomes
    assert "assert 1 == 2" in ends["test_fails"]["message"]
    assert "no such thing here" in ends["test_is_passed_over"]["message"]
    assert [found[kind] for kind in bench_gpu_correctness.KINDS] == [1, 1, 1]
    assert sorted(name.rpartition("::")[2] for name in found["left_out"]) == ["test_comes_after", "test_hangs"]


def test_rows_that_would_begin_too_late_are_named_and_the_others_kept():
    rows = Rows(time_limit=1000.0)
    assert rows.measure("first", lambda: {"seconds": 1}) == {"seconds": 1}
    assert rows.measure("second", lambda: {"seconds": 1 / 0}) == {"error": "ZeroDivisionError: division by zero"}
    rows._end = 0.0
    assert rows.measure("third", lambda: {"seconds": 3}) is None
    assert rows.left_out == ["third"]


def test_a_training_that_was_stopped_is_not_recorded(monkeypatch):
    stopped = TrainingResult(make_model(), 3, 1.0, "interrupted", {})
    monkeypatch.setattr("tests.benchmarks.common.train", lambda *args, **settings: stopped)
    with pytest.raises(KeyboardInterrupt, match="after 3 of 20 steps"):
        trained(stopped.model, (None, None), TRAINING)


def test_without_time_the_record_of_speed_names_every_row(monkeypatch):
    monkeypatch.setattr(bench_gpu_speed, "ceilings", lambda *_: dict.fromkeys(bench_gpu_speed.PRECISIONS, 1.0))
    monkeypatch.setattr(bench_gpu_speed, "training_stores", lambda *_: ())
    found = bench_gpu_speed.run(quick=True, time_limit=0.0)
    assert found["steps"] == {"hypersound-small": {"batch_size": 32}, "local": {"batch_size": 48}}
    assert found["loops"] == []
    assert "local: bfloat16" in found["left_out"]
    assert "loop of local, 4 clips, without graph, 2 workers" in found["left_out"]


def test_traffic_counts_what_is_read_and_written_and_no_view():
    a, b = torch.ones(4, 8, device="meta"), torch.ones(8, 2, device="meta")
    with Traffic() as traffic:
        (a @ b.view(8, 2)).t()
        b.expand(3, 8, 2) + 1
    assert traffic.kernels == 2
    assert traffic.bytes == 4 * (4 * 8 + 8 * 2 + 4 * 2) + 4 * (8 * 2 + 3 * 8 * 2), "what is repeated is read once"
    assert traffic.bytes_beyond_cache == 0


def test_the_counted_parts_of_a_step_are_about_the_whole():
    record = json.loads((bench.RESULTS / "bench_traffic.json").read_text())["results"]
    for rows in record["step"].values():
        for key, whole in rows["whole"].items():
            assert sum(row[key] for part, row in rows.items() if part != "whole") == pytest.approx(whole, rel=0.05)


def test_a_fit_that_is_cut_says_so():
    clip = torch.sin(torch.arange(2048) / 8) * torch.hann_window(2048)
    row = bench_fit.fit_once(bench_fit.PLAIN, clip, limit=0.0)
    assert not row["reached"]
    assert row["metrics"]["snr"] < bench_fit.TARGET_SNR
