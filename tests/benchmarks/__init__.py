"""Benchmarks: `make bench` runs them all; each writes one file in data/results/."""
