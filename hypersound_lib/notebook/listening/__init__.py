"""A blind listening test: what is heard and in which order, the answers in a CSV file, and what they say."""

from hypersound_lib.notebook.listening.answers import Answers
from hypersound_lib.notebook.listening.results import ABXResult, Rank, abx_results, ranking
from hypersound_lib.notebook.listening.trials import (
    ANCHOR,
    HIDDEN_REFERENCE,
    ListeningTest,
    Recording,
    Trial,
    abx_test,
    rating_test,
)

__all__ = [
    "ANCHOR",
    "HIDDEN_REFERENCE",
    "ABXResult",
    "Answers",
    "ListeningTest",
    "Rank",
    "Recording",
    "Trial",
    "abx_results",
    "abx_test",
    "ranking",
    "rating_test",
]
