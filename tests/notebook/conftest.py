"""What the tests of `hypersound_lib.notebook` share: a page of HTML in a browser."""

import pytest


@pytest.fixture
def show(browser, tmp_path):
    """Return a function that opens HTML as a page, after a script; errors on the page fail the test."""
    errors = []
    context = browser.new_context()

    def open_page(body, script=""):
        path = tmp_path / "page.html"
        path.write_text(f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Sounds</title>{body}', "utf-8")
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        page.add_init_script(script)
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert not errors
