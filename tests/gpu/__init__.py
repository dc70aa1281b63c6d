"""Tests on a GPU: `make gpu` runs them where there is one, `make test` on a simulated one."""
