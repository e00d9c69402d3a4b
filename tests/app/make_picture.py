"""Make docs/figures/app.png, three views of the page on a phone: `make_picture.py FOLDER TITLE`.

Run from the project's folder: `python -m tests.app.make_picture FOLDER TITLE`.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

from tests.app.browser import Browser, browser_at
from trainer.app.asking import open_model
from trainer.app.feedback import Feedback
from trainer.app.page import build_page
from trainer.app.serve import launch

OUT = Path(__file__).parents[2] / "docs/figures/app.png"
PHONE = (390, 800)
GAP = 24


def view(browser: Browser, top: str) -> Image.Image:
    """What a phone shows with this element at the top of its window."""
    element = browser.find(top)
    browser.driver.execute_script(
        "window.scrollTo(0, arguments[0].getBoundingClientRect().top + window.scrollY - 12)",
        element,
    )
    # The bars grow for a moment.
    browser.driver.execute_async_script("setTimeout(arguments[0], 1500)")
    return Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")


def views(browser: Browser) -> list[Image.Image]:
    browser.click_text("button", "Praise")
    browser.wait(lambda: browser.find("#text textarea").get_attribute("value"), "no example")
    browser.click("#ask-single")
    browser.wait_for_text("#answer-sentiment", "%")
    browser.click("#wrong-sentiment button")
    one = view(browser, "#text")
    browser.open_tab("Two texts")
    browser.click_text("button", "Two questions")
    browser.wait(lambda: browser.find("#second textarea").get_attribute("value"), "no example")
    browser.click("#ask-pair")
    browser.wait_for_text("#answer-similarity", "scale")
    two = view(browser, "#first")
    browser.open_tab("Many texts")
    browser.click_text("button", "Questions to a shop")
    browser.wait(lambda: browser.find("#corpus textarea").get_attribute("value"), "no example")
    browser.click("#search")
    browser.wait_for_text("#pairs", "password")
    return [one, two, view(browser, "#search")]


def main(folder: str, title: str) -> None:
    with tempfile.TemporaryDirectory() as work:
        asker = open_model(folder, title=title)
        feedback = Feedback(Path(work), asker.title, asker.revision)
        page = build_page(asker, feedback, 2000)
        address = launch(page, feedback, None, None)
        with browser_at(address, *PHONE, Path(work)) as browser:
            pictures = views(browser)
        page.close(verbose=False)
    width, height = pictures[0].size
    whole = Image.new("RGB", (3 * width + 4 * GAP, height + 2 * GAP), "#d5d8de")
    for place, picture in enumerate(pictures):
        whole.paste(picture, (GAP + place * (width + GAP), GAP))
    whole.quantize(256).save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tests.app.make_picture FOLDER TITLE")
    main(*sys.argv[1:])
