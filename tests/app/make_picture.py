"""Make docs/figures/app.png, the page's three tabs on a phone and a desk.

Run from the project's folder: `python -m tests.app.make_picture FOLDER TITLE`.
"""

import io
import sys
import tempfile
from pathlib import Path

from PIL import Image

import modeling_hybrid_mtl  # noqa: F401 (registers the pipeline)
from tests.app.browser import Browser, browser_at
from trainer.app.feedback import Feedback
from trainer.app.model_session import open_model
from trainer.app.page import build_page
from trainer.app.serve import launch

OUT = Path(__file__).parents[2] / "docs/figures/app.png"
# Widths in pixels.
PHONE, DESK = 390, 860
GAP = 24
# The first recorded example of the open tab.
EXAMPLE = "button.gallery-item"


def whole_page(browser: Browser, width: int) -> Image.Image:
    """Return a picture of the complete page."""
    # Buttons change color under the pointer.
    away = {"type": "mouseMoved", "x": 0, "y": 0}
    browser.driver.execute_cdp_cmd("Input.dispatchMouseEvent", away)
    _resize(browser, width, 200)
    _resize(browser, width, browser.driver.execute_script("return document.body.scrollHeight"))
    return Image.open(io.BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")


def _resize(browser: Browser, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    # Wait for the layout and for the animated bars.
    browser.driver.execute_async_script("setTimeout(arguments[0], 2000)")


def views(browser: Browser) -> list[Image.Image]:
    browser.click(EXAMPLE)
    browser.wait(lambda: browser.find("#text textarea").get_attribute("value"), "no example")
    browser.click("#predict-single")
    browser.wait_for_text("#prediction-sentiment", "%")
    one = whole_page(browser, PHONE)
    browser.open_tab("Two texts")
    browser.click(EXAMPLE)
    browser.wait(lambda: browser.find("#second textarea").get_attribute("value"), "no example")
    browser.click("#predict-pair")
    browser.wait_for_text("#prediction-similarity", "scale")
    two = whole_page(browser, PHONE)
    browser.open_tab("Many texts")
    browser.click(EXAMPLE)
    browser.wait(lambda: browser.find("#corpus textarea").get_attribute("value"), "no example")
    browser.click("#search")
    browser.wait_for_text("#summary", "among")
    return [one, two, whole_page(browser, DESK)]


def main(folder: str, title: str) -> None:
    with tempfile.TemporaryDirectory() as work:
        session = open_model(folder, title=title)
        feedback = Feedback(Path(work), session.title, session.revision)
        page = build_page(session, feedback, 2000)
        address = launch(page, [feedback.folder], None, None)
        with browser_at(address, PHONE, 800, Path(work)) as browser:
            pictures = views(browser)
        page.close(verbose=False)
    width = sum(picture.width + GAP for picture in pictures) + GAP
    height = max(picture.height for picture in pictures) + 2 * GAP
    whole = Image.new("RGB", (width, height), "#d5d8de")
    left = GAP
    for picture in pictures:
        whole.paste(picture, (left, GAP))
        left += picture.width + GAP
    whole.quantize(256).save(OUT, optimize=True)
    print(f"{OUT}: {OUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python -m tests.app.make_picture FOLDER TITLE")
    main(*sys.argv[1:])
