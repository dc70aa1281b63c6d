"""Models in folders and hubs: what every model can do, the files of a saved one, and its card."""
