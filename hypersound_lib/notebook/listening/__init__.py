"""A blind listening test: what is heard and in which order, the answers in a CSV file, and what they say."""

from hypersound_lib.notebook.listening.answers import Answers, ranking
from hypersound_lib.notebook.listening.trials import ANCHOR, HIDDEN_REFERENCE, Recording, Trial, rating_test
