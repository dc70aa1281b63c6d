"""The small local model, for all tests of its files."""

import pytest

from tests.local.small import make_model


@pytest.fixture(scope="module")
def model():
    """A model with random weights, which no test changes."""
    return make_model()
