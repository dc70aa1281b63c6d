"""Ctrl-C at a moment when nothing is half done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class StopRequest:
    """Whether somebody asked the training to stop."""

    requested = False


@contextmanager
def stop_on_signal() -> Iterator[StopRequest]:
    """Turn the first Ctrl-C (or a polite kill) into a request that the loop reads between two steps.

    The default would raise KeyboardInterrupt anywhere, also halfway through an update of the weights. A second Ctrl-C
    does just that, for those who cannot wait. In a thread, where signals cannot be caught, nothing changes.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return

    def note(number: int, frame: object) -> None:
        if request.requested:
            raise KeyboardInterrupt
        request.requested = True

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
