"""A headless Chromium that is cut off from the network and tells what it asked for and what it complained about."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib.image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np

BROWSER = Path("/usr/bin/chromium")
DRIVER = Path("/usr/bin/chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1360,850",
    "--force-device-scale-factor=1",
    "--lang=en-US",
)
OWN_SCHEMES = ("file:", "data:", "blob:", "about:", "chrome:")


class Chromium:
    """One browser; `page` is the selenium driver."""

    def __init__(self, profile: Path) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = str(BROWSER)
        for flag in (*FLAGS, f"--user-data-dir={profile}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        self.page = webdriver.Chrome(options, Service(str(DRIVER)))
        self.page.set_script_timeout(120)
        self.page.execute_cdp_cmd("Network.enable", {})
        offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
        self.page.execute_cdp_cmd("Network.emulateNetworkConditions", offline)

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.page.quit()

    def open(self, path: Path, link: str = "") -> None:
        """Open a page from disk and wait until everything on it is drawn."""
        self.page.get("about:blank")
        self.forget()
        self.page.get(path.resolve().as_uri() + link)
        self.drawn()

    def resize(self, width: int, height: int = 800) -> None:
        """Make the window's inside this large, as a phone's or a projector's is; 0 gives back its own size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
        if width:
            self.page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    def drawn(self) -> None:
        """Wait until nothing is left to draw."""
        self.run_async(
            """const wait = (calm) => setTimeout(() => {
                 const quiet = window.lastmile && lastmile.idle();
                 if (quiet && calm >= 3) done(true); else wait(quiet ? calm + 1 : 0);
               }, 40);
               wait(0);"""
        )

    def forget(self) -> None:
        """Forget the logs so far."""
        self.page.get_log("browser")
        self.page.get_log("performance")

    def complaints(self) -> list[str]:
        """Return the console's messages since they were last asked for."""
        return [entry["message"] for entry in self.page.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses beyond the page itself that were asked for since this was last called."""
        sent = [json.loads(entry["message"])["message"] for entry in self.page.get_log("performance")]
        asked = [one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"]
        return [address for address in asked if not address.startswith(OWN_SCHEMES)]

    def run(self, code: str, *values: object) -> Any:  # noqa: ANN401
        """Run JavaScript and return what it returns."""
        return self.page.execute_script(code, *values)

    def run_async(self, code: str, *values: object) -> Any:  # noqa: ANN401
        """Run JavaScript that ends by calling `done(result)`."""
        return self.page.execute_async_script(f"const done = arguments[arguments.length - 1]; {code}", *values)

    def picture(self, path: Path) -> None:
        """Keep a screenshot."""
        path.parent.mkdir(exist_ok=True)
        self.page.save_screenshot(str(path))

    def pixels(self) -> np.ndarray:
        """Return the colours of the map, without what stands over it at its rims."""
        raw = base64.b64decode(self.page.get_screenshot_as_base64())
        return matplotlib.image.imread(io.BytesIO(raw), format="png")[60:, 345:-60, :3]

    def toggle(self, selector: str) -> None:
        """Click on a switch, and wait until all is drawn."""
        self.run("document.querySelector(arguments[0]).click();", selector)
        self.drawn()
