"""Bars: none in a pipe, where a line a minute says how far it is."""

import sys
from types import SimpleNamespace

from hypersound_lib.progress import progress_bar


def test_in_a_pipe_there_are_lines_a_minute_apart(monkeypatch, capfd):
    now = 0.0
    bar = progress_bar(total=300, desc="work", unit="step")
    monkeypatch.setattr(bar, "_time", lambda: now)
    bar.start_t = bar.last_print_t = 0.0
    for _ in range(300):
        now += 1.0
        bar.set_postfix_str(f"at {now:g}", refresh=False)
        bar.update()
    bar.close()
    error = capfd.readouterr().err
    assert "\r" not in error
    assert error.isascii()
    lines = error.splitlines()
    assert 5 <= len(lines) <= 8, "the beginning, a line a minute, and the end"
    assert all(line.startswith("work: ") for line in lines)
    assert "300/300" in lines[-1]


def test_what_is_not_to_be_shown_is_not(capfd):
    assert list(progress_bar(iterable=range(3), disable=True)) == [0, 1, 2]
    assert capfd.readouterr().err == ""


def test_in_a_terminal_and_a_notebook_it_is_a_bar(monkeypatch, capfd):
    shell = SimpleNamespace(config={"IPKernelApp": {}})
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    progress_bar(total=2).close()
    assert "\r" in capfd.readouterr().err
    shell.config.clear()
    progress_bar(total=2).close()
    assert "\r" not in capfd.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    progress_bar(total=2).close()
    assert "\r" in capfd.readouterr().err
