"""Tests on a GPU: `make gpu` runs them where there is one; elsewhere they are skipped, which the summary shows."""
