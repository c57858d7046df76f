"""A headless Chromium, steered over a pipe with nothing but the standard library."""

import base64
import io
import json
import os
import shutil
import subprocess
import time

import numpy as np

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = """
    --headless=new --no-sandbox --disable-gpu-sandbox --use-gl=angle --use-angle=swiftshader
    --enable-unsafe-swiftshader --hide-scrollbars --no-first-run --disable-extensions --disable-background-networking
    --disable-component-update --disable-sync --remote-debugging-pipe --disable-dev-shm-usage
"""


def executable():
    """Path of a Chromium, or None."""
    return next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One page in one Chromium; `with Browser(folder) as browser`."""

    def __init__(self, profile, width=1280, height=900, dark=False):
        to_child, ours_out = os.pipe()
        ours_in, from_child = os.pipe()

        def wire():
            # Chromium reads commands from descriptor 3 and answers on 4
            spare = os.dup(from_child), os.dup(to_child)
            os.dup2(spare[1], 3)
            os.dup2(spare[0], 4)

        self.process = subprocess.Popen(
            [executable(), *FLAGS.split(), f"--user-data-dir={profile}", f"--window-size={width},{height}"],
            preexec_fn=wire,
            close_fds=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_child)
        os.close(from_child)
        self.out, self.incoming = os.fdopen(ours_out, "wb", 0), os.fdopen(ours_in, "rb", 0)
        self.left, self.count, self.session, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.call("Emulation.setEmulatedMedia", features=scheme)
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.out.close()
        self.incoming.close()

    def call(self, method, **params):
        """One command of the DevTools protocol; its result."""
        self.count += 1
        command = {"id": self.count, "method": method, "params": params}
        if self.session:
            command["sessionId"] = self.session
        self.out.write(json.dumps(command).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def _message(self):
        while b"\0" not in self.left:
            more = self.incoming.read(1 << 16)
            if not more:
                raise RuntimeError("Chromium ended")
            self.left += more
        one, _, self.left = self.left.partition(b"\0")
        return json.loads(one)

    def open(self, path, timeout=60):
        """Load a file and wait until its script is done."""
        self.call("Page.navigate", url=path.resolve().as_uri())
        end = time.monotonic() + timeout
        while not self.run("document.readyState === 'complete' && typeof window.molediff === 'object'"):
            if time.monotonic() > end:
                raise RuntimeError(f"The page did not start: {self.errors()}")
            time.sleep(0.1)
        self.settle()

    def run(self, script):
        """The value of a JavaScript expression."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in found:
            raise RuntimeError(str(found["exceptionDetails"]))
        return found["result"].get("value")

    def settle(self):
        """Wait for two frames to be drawn."""
        self.run(
            "new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => r(1), 50))))"
        )

    def errors(self):
        """Exceptions and refused loads so far."""
        self.run("0")
        return [e["params"] for e in self.events if e.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded")]

    def requests(self):
        """Addresses asked for, other than the page itself, data and blobs."""
        self.run("0")
        urls = [e["params"]["request"]["url"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        return [url for url in urls if not url.startswith(("data:", "blob:", "file:", "about:"))]

    def picture(self, selector=None):
        """PNG of the page, or of an element."""
        clip = {}
        if selector:
            box = self._box(selector)
            clip = {"clip": dict(zip(("x", "y", "width", "height"), box, strict=True)) | {"scale": 1}}
        return base64.b64decode(self.call("Page.captureScreenshot", format="png", **clip)["data"])

    def _box(self, selector):
        script = "(r => [r.x, r.y, r.width, r.height])(document.querySelector('%s').getBoundingClientRect())"
        return self.run(script % selector)

    def pixels(self, selector=None):
        """(height, width, 3) of `picture`, 0 to 255."""
        from PIL import Image

        return np.asarray(Image.open(io.BytesIO(self.picture(selector))).convert("RGB")).astype(int)

    def drag(self, selector, by):
        """Press the left button in the middle of an element, move, release."""
        x, y, width, height = self._box(selector)
        x, y = x + width / 2, y + height / 2
        mouse = {"button": "left", "clickCount": 1}
        self.call("Input.dispatchMouseEvent", type="mousePressed", x=x, y=y, **mouse)
        for k in range(1, 6):
            at = {"x": x + by[0] * k / 5, "y": y + by[1] * k / 5}
            self.call("Input.dispatchMouseEvent", type="mouseMoved", buttons=1, **at, **mouse)
        self.call("Input.dispatchMouseEvent", type="mouseReleased", **at, **mouse)
        self.settle()
