"""A real browser (Chromium or Chrome), told what to do over its DevTools pipe, with nothing but what Python has."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 120  # seconds that the browser may be silent, on a busy machine
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "Escape": 27}


def found() -> str:
    """Return the path of a browser, "" where there is none."""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


class Page:
    """One page in the browser; `asked` are the addresses that it wanted to load."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = browser.call("Target.attachToTarget", targetId=self._target, flatten=True)["sessionId"]
        self._loaded: set[str] = set()
        self.asked: list[str] = []
        self.complaints: list[str] = []
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)

    def close(self) -> None:
        """Close the page."""
        self._browser.call("Target.closeTarget", targetId=self._target)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the DevTools protocol."""
        return self._browser.call(method, self._session, self._note, **parameters)

    def _note(self, event: dict[str, Any]) -> None:
        if "method" not in event or event.get("sessionId") != self._session:
            return
        if event["method"] == "Page.lifecycleEvent" and event["params"]["name"] == "load":
            self._loaded.add(event["params"]["loaderId"])
        elif event["method"] == "Network.requestWillBeSent":
            self.asked.append(event["params"]["request"]["url"])
        elif event["method"] == "Log.entryAdded":
            self.complaints.append(event["params"]["entry"]["text"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.complaints.append(event["params"]["exceptionDetails"]["text"])

    def open(self, path: Path, *, width: int, height: int = 900, dark: bool = False) -> Page:
        """Show a file in a window of that size."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.media("screen", dark=dark)
        loader = self.call("Page.navigate", url=path.resolve().as_uri())["loaderId"]
        while loader not in self._loaded:
            self._note(self._browser.event())
        return self

    def media(self, media: str, *, dark: bool = False) -> None:
        """Pretend to be paper (`print`) or a screen, light or dark."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def evaluate(self, script: str) -> Any:
        """Return what an expression is worth, waiting for a promise."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise AssertionError(json.dumps(answer["exceptionDetails"], ensure_ascii=False)[:2000])
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and let go of one key."""
        code = KEYS[key]
        text = {"Enter": "\r", " ": " "}.get(key, "")
        more = {"text": text} if text else {}
        named = {"key": key, "code": key.strip() or "Space", "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **named, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def type(self, text: str) -> None:
        """Type a text where the cursor is."""
        self.call("Input.insertText", text=text)

    def screenshot(self, height: int = 0) -> bytes:
        """Return a picture (PNG) of the page from its top, whole or so many pixels of it."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": height or size["height"], "scale": 1}
        answer = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        return base64.b64decode(answer["data"])

    def pdf(self) -> bytes:
        """Return the page as it is printed."""
        self.media("print")
        answer = self.call("Page.printToPDF", printBackground=False, preferCSSPageSize=True)
        return base64.b64decode(answer["data"])


class Browser:
    """A running browser."""

    def __init__(self, write: int, read: int) -> None:
        self._write, self._read = write, read
        self._number, self._rest = 0, b""

    def call(self, method: str, session: str = "", note: Any = None, **parameters: Any) -> dict[str, Any]:
        """Call a method and wait for its answer; events that come before it are noted."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        content = json.dumps(message).encode() + b"\0"
        while content:
            content = content[os.write(self._write, content) :]
        while True:
            answer = self.event()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return dict(answer["result"])
            if note:
                note(answer)

    def event(self) -> dict[str, Any]:
        """Return the next message of the browser."""
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], PATIENCE)
            more = os.read(self._read, 1 << 20) if ready else b""
            if not more:
                raise AssertionError("the browser has gone, or hangs")
            self._rest += more
        message, _, self._rest = self._rest.partition(b"\0")
        return dict(json.loads(message))

    def page(self) -> Page:
        """Return a new page."""
        return Page(self)

    def close(self) -> None:
        """End the browser."""
        self.call("Browser.close")


@contextmanager
def running(profile: Path) -> Iterator[Browser]:
    """Yield a browser that keeps its files in a folder of ours."""
    (ours_in, theirs_out), (theirs_in, ours_out) = os.pipe(), os.pipe()
    # The browser reads its pipe 3 and writes its pipe 4: keep both ends away from these numbers.
    high_in, high_out = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out))

    def place_pipes() -> None:
        os.dup2(high_in, 3)
        os.dup2(high_out, 4)

    flags = ["--headless", "--remote-debugging-pipe", f"--user-data-dir={profile}", "--disable-gpu", "--no-first-run"]
    flags += ["--hide-scrollbars", "--disable-background-networking", "--disable-extensions", "--disable-sync"]
    if os.geteuid() == 0:  # a container's root: the browser refuses to start otherwise
        flags.append("--no-sandbox")
    process = subprocess.Popen(
        [found(), *flags],
        preexec_fn=place_pipes,
        pass_fds=(3, 4, high_in, high_out),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (theirs_in, theirs_out, high_in, high_out):
        os.close(end)
    browser = Browser(ours_out, ours_in)
    try:
        yield browser
        browser.close()
    finally:
        os.close(ours_out)
        os.close(ours_in)
        process.terminate()
        process.wait(timeout=30)
