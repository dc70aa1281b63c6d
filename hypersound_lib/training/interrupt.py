"""Ctrl-C at a moment when nothing is half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def stop_on_signal() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C (or a polite kill) into an event that the loop looks for between two steps.

    The default would raise KeyboardInterrupt anywhere, also halfway through an update of the weights. A second Ctrl-C
    does just that, for those who cannot wait. In a thread, where signals cannot be caught, nothing changes.
    """
    request = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: object) -> None:
        if request.is_set():
            raise KeyboardInterrupt
        request.set()

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
