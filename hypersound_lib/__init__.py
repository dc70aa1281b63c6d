"""HyperSound."""
