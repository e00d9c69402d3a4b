"""A headless Chromium that operates the app's page."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
SECONDS = 30
# Errors of queries and clicks while the page is changing.
NOT_YET = (WebDriverException, StopIteration)


class Browser:
    """A window with the page; elements are selected by their id."""

    def __init__(self, driver: Any):
        self.driver = driver

    def wait(self, condition: Callable[[], Any], what: str) -> Any:
        """Wait for a true value of the condition and return it."""
        return WebDriverWait(self.driver, SECONDS, ignored_exceptions=NOT_YET).until(
            lambda _: condition(), what
        )

    def find(self, selector: str) -> Any:
        return self.wait(lambda: next(self._visible(selector)), f"there is no {selector}")

    def _visible(self, selector: str) -> Iterator[Any]:
        elements = self.driver.find_elements(By.CSS_SELECTOR, selector)
        return (element for element in elements if element.is_displayed())

    def open_tab(self, name: str) -> None:
        self.click_text("button[role=tab]", name)

    def click_text(self, selector: str, text: str) -> None:
        """Click the visible element with this text."""

        def click() -> bool:
            for element in self._visible(selector):
                if element.text.strip() == text:
                    self._click(element)
                    return True
            return False

        self.wait(click, f"no {selector} with text {text!r}")

    def click(self, selector: str) -> None:
        self.wait(lambda: self._click(self.find(selector)) or True, f"cannot click {selector}")

    def _click(self, element: Any) -> None:
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()

    def write(self, selector: str, text: str) -> None:
        box = self.find(selector)
        box.clear()
        box.send_keys(text)

    def upload(self, selector: str, path: Path) -> None:
        """Give a file to the upload field inside the element."""
        field = self.wait(
            lambda: self.driver.find_element(By.CSS_SELECTOR, f"{selector} input[type=file]"),
            f"{selector} takes no file",
        )
        field.send_keys(str(path))

    def text(self, selector: str) -> str:
        return self.find(selector).text

    def wait_for_text(self, selector: str, text: str) -> None:
        self.wait(lambda: text in self.text(selector), f"{selector} does not contain {text!r}")

    def error(self) -> str:
        """Return the message on the page, and close it."""
        message = self.text(".toast-body.error")
        self.driver.execute_script(
            "document.querySelectorAll('.toast-close').forEach(button => button.click())"
        )
        self.wait(
            lambda: not self.driver.find_elements(By.CSS_SELECTOR, ".toast-body"), "it stays open"
        )
        return message

    def widths(self) -> tuple[int, int]:
        """Return the widths of the page's content and of the window, in CSS pixels."""
        script = "return [document.documentElement.scrollWidth, window.innerWidth]"
        return tuple(self.driver.execute_script(script))

    def requested_hosts(self) -> set[str]:
        """Return the hosts of all requests since the window was opened."""
        hosts = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if url.startswith(("http", "ws")):
                    hosts.add(url.split("/")[2].split(":")[0])
        return hosts


@contextmanager
def browser_at(address: str, width: int, height: int, downloads: Path, scale: float = 1):
    """Open a window that emulates a device of a width and height in CSS pixels."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    try:
        # A window is never narrower than 500 pixels; a device may be.
        driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 500},
        )
        driver.get(address)
        yield Browser(driver)
    finally:
        driver.quit()
