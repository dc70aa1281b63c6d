"""Interactive views on core ipywidgets, in what versions 7 (Colab) and 8 (JupyterLab) share."""

from collections.abc import Mapping


def page_slider(pages: Mapping[str, str], description: str):
    """Return a slider that turns prepared pages of HTML, such as a figure and a player each.

    Everything is drawn beforehand, so moving the slider answers at once. The arrow keys move it, too. Where no
    kernel runs, a notebook shows nothing of a widget: display what matters as a static figure as well.

    Args:
        pages: value as shown beside the slider -> HTML.
        description: what the slider changes.
    """
    import ipywidgets

    slider = ipywidgets.SelectionSlider(
        options=list(pages),
        value=next(iter(pages)),
        description=description,
        continuous_update=True,
        style={"description_width": "initial"},
        layout=ipywidgets.Layout(width="60%"),
    )
    page = ipywidgets.HTML(value=pages[slider.value])

    def turn(change):
        page.value = pages[change["new"]]

    slider.observe(turn, names="value")
    return ipywidgets.VBox([slider, page])
