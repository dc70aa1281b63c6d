"""What notebooks show: plots, players, widgets, tables and listening tests. No other part of the library needs it."""


def show_html(page: str) -> None:
    """Display HTML in a notebook."""
    from IPython.display import HTML, display

    display(HTML(page))
