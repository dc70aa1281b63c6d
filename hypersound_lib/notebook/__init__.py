"""What notebooks show: plots, players, widgets, tables and listening tests. No other part of the library needs it."""
