"""Chromium and two stages for widgets: a plain page with a stand-in for the kernel's model, and a real JupyterLab."""

from __future__ import annotations

import base64
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
import xarray as xr
from ipywidgets.widgets.widget import _remove_buffers

import widgets
from retina_tools import schema

JS_FOLDER = Path(widgets.__file__).parent / "js"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


def find_chromium() -> str | None:
    """The browser to drive: named by ``RETINA_CHROMIUM``, installed by the system, or None for Playwright's own."""
    named = os.environ.get("RETINA_CHROMIUM")
    for candidate in (named, "/usr/bin/chromium", "/usr/bin/chromium-browser", "chromium", "google-chrome"):
        if candidate and (found := shutil.which(candidate)):
            return found
    return None


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """One Chromium for the session; without any, tests are skipped, or fail where a browser is required."""
    required = os.environ.get("CI") or os.environ.get("RETINA_REQUIRE_BROWSER")
    complain = pytest.fail if required else pytest.skip
    try:
        from playwright.sync_api import Error, sync_playwright
    except ModuleNotFoundError:
        complain("playwright is not installed; pip install playwright")
    executable = find_chromium()
    with sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        except Error as error:
            if executable:
                pytest.fail(f"{executable} does not start: {error.message.splitlines()[0]}")
            complain("no Chromium found; install one, name one in RETINA_CHROMIUM, or run: playwright install chromium")
        yield chromium
        chromium.close()


@dataclass
class Site:
    """What the loopback server hands out: path to (content type, bytes)."""

    address: str
    files: dict[str, tuple[str, bytes]] = field(default_factory=dict)


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    files: dict[str, tuple[str, bytes]] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path.split("?")[0], ("text/plain", b""))
            self.send_response(200 if body else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(f"http://127.0.0.1:{server.server_port}", files)
    server.shutdown()
    thread.join()
    server.server_close()


PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>widget</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/widget.css"></head><body><p><button id="before">before</button></p><div id="host"></div>
<script type="module" src="/page.js"></script></body></html>"""

# A model as anywidget gives one to a front end, with the kernel's side left to the test: `sent` collects what would
# have gone to Python.
PAGE_SCRIPT = """
import widget from "/widget.js";
const { state, buffers } = await (await fetch("/state.json")).json();
for (const { path, base64 } of buffers) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const last = path.pop();
  path.reduce((at, key) => at[key], state)[last] = new DataView(bytes.buffer);
}
const heard = {}, dirty = new Set();
window.sent = [];
window.model = {
  get: (name) => state[name],
  set(name, value) {
    if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
    state[name] = value; dirty.add(name);
    for (const listener of [...(heard[`change:${name}`] ?? [])]) listener();
  },
  save_changes() {
    window.sent.push(Object.fromEntries([...dirty].map((name) => [name, state[name]])));
    dirty.clear();
  },
  on(event, listener) { (heard[event] ??= new Set()).add(listener); },
  off(event, listener) { heard[event]?.delete(listener); },
};
window.listeners = () => Object.values(heard).reduce((n, set) => n + set.size, 0);
performance.mark("mount");
window.unmount = widget.render({ model: window.model, el: document.querySelector("#host") });
window.mounted = true;
"""


@dataclass
class Pages:
    """Pages by the options of their context; a page is used again, which is quicker than a new one."""

    browser: Any
    pages: dict[str, Any] = field(default_factory=dict)
    trouble: list[str] = field(default_factory=list)

    def get(self, options: dict[str, Any]) -> Any:
        key = repr(sorted(options.items()))
        if key not in self.pages:
            page = self.browser.new_context(**{"viewport": {"width": 1000, "height": 760}, **options}).new_page()
            page.set_default_timeout(10_000)
            page.on("pageerror", lambda error: self.trouble.append(f"page error: {error}"))
            page.on("console", lambda message: _complaint(message, self.trouble))
            page.on("request", lambda r: self.trouble.append(f"left loopback: {r.url}") if not _stays(r.url) else None)
            self.pages[key] = page
        return self.pages[key]


@pytest.fixture(scope="session")
def pages(browser: Any) -> Iterator[Pages]:
    """Pages opened so far; closed with their contexts at the end."""
    opened = Pages(browser)
    yield opened
    for page in opened.pages.values():
        page.context.close()


@pytest.fixture
def open_widget(pages: Pages, site: Site) -> Iterator[Callable[..., Any]]:
    """Show a widget on a plain page; at the end nothing may have failed in the page or left loopback."""
    pages.trouble.clear()

    def open_it(widget: Any, **context_options: Any) -> Any:
        state, paths, buffers = _remove_buffers(widget.get_state())
        module, style = state.pop("_esm"), state.pop("_css")
        encoded = [
            {"path": path, "base64": base64.b64encode(buffer).decode()}
            for path, buffer in zip(paths, buffers, strict=True)
        ]
        site.files |= {
            "/": ("text/html", PAGE.encode()),
            "/page.js": ("text/javascript", PAGE_SCRIPT.encode()),
            "/widget.js": ("text/javascript", module.encode()),
            "/widget.css": ("text/css", style.encode()),
            **{f"/js/{path.name}": ("text/javascript", path.read_bytes()) for path in JS_FOLDER.glob("*.js")},
            "/state.json": ("application/json", json.dumps({"state": state, "buffers": encoded}).encode()),
        }
        page = pages.get(context_options)
        page.mouse.move(0, 0)
        page.goto(site.address)
        page.wait_for_function("() => window.mounted")
        page.wait_for_function("() => !document.querySelector('[aria-busy=true]')")
        return page

    yield open_it
    assert pages.trouble == []


def _complaint(message: Any, trouble: list[str]) -> None:
    # The tests themselves read pixels back, which Chromium remarks on.
    if message.type in ("error", "warning") and "willReadFrequently" not in message.text:
        trouble.append(f"console: {message.text}")


def _stays(url: str) -> bool:
    return url.startswith(("http://127.0.0.1:", "data:", "blob:"))


@pytest.fixture(scope="session")
def plain_eye() -> xr.Dataset:
    """Flat grey, 300 x 400 px, with masks of known place: what is on the screen can be said in advance.

    The disc is a square of 40 px around (99.5, 299.5), so its diameter is 2 * 40 / sqrt(pi) = 45.135 px; the artery is
    the band of rows 140 to 159, the vein that of columns 100 to 119, which cross; the fovea is at (99.5, 99.5).
    """
    disc, artery, vein = (np.zeros((300, 400), bool) for _ in range(3))
    disc[80:120, 280:320] = True
    artery[140:160] = True
    vein[:, 100:120] = True
    return schema.new_eye(
        np.full((300, 400, 3), (120, 60, 30), np.uint8),
        {"optic_disc": disc, "artery": artery, "vein": vein, "haemorrhage": np.zeros((300, 400), bool)},
        landmarks={"optic_disc": (99.5, 299.5), "fovea": (99.5, 99.5)},
        laterality="OD",
        um_per_pixel=40.0,
        image_id="plain",
    )


# --- a real JupyterLab ------------------------------------------------------------------------------------------------

# The execution indicator says idle before the session exists, and a Run All issued then is lost: ask the session.
KERNEL_IS_UP = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const panel = app.shell.currentWidget;
  await panel.context.ready;
  await panel.sessionContext.ready;
  await panel.sessionContext.session.kernel.info;
}"""


@dataclass
class Lab:
    """A running JupyterLab: its address and the folder it serves."""

    address: str
    folder: Path

    def write_notebook(self, name: str, *cells: str) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(notebook, self.folder / name)

    def open(self, page: Any, name: str) -> None:
        """Open a notebook and wait until its kernel answers."""
        page.goto(f"{self.address}/lab/workspaces/{Path(name).stem}/tree/{name}?reset")
        self.wait_for_kernel(page)

    def wait_for_kernel(self, page: Any) -> None:
        page.locator(".jp-Notebook").wait_for(timeout=60_000)
        page.wait_for_function("() => window.jupyterapp")
        page.evaluate(KERNEL_IS_UP)

    def run_cell(self, page: Any, index: int) -> Any:
        """Run one cell as a person does, without waiting for it; its output area."""
        page.evaluate(
            """index => { const app = window.jupyterapp; app.shell.currentWidget.content.activeCellIndex = index;
                          app.commands.execute('notebook:run-cell') }""",
            index,
        )
        return page.locator(".jp-Notebook .jp-Cell").nth(index).locator(".jp-Cell-outputArea")

    def save(self, page: Any) -> None:
        page.evaluate("async () => { await window.jupyterapp.commands.execute('docmanager:save') }")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on loopback with settings of its own, so that nobody's configuration is read or written."""
    folder = tmp_path_factory.mktemp("lab")
    settings = folder / ".settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    settings.parent.mkdir(parents=True)
    settings.write_text('{"fetchNews": "false", "checkForUpdates": false}')
    own = {
        "JUPYTER_CONFIG_DIR": ".jupyter",
        "JUPYTER_DATA_DIR": ".data",
        "JUPYTER_RUNTIME_DIR": ".run",
        "IPYTHONDIR": ".ipython",
        "JUPYTERLAB_SETTINGS_DIR": ".settings",
        "JUPYTERLAB_WORKSPACES_DIR": ".workspaces",
    }
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    command += [f"--port={port}", "--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    environment = {**os.environ, **{name: str(folder / place) for name, place in own.items()}}
    log = folder / "server.log"
    with (
        log.open("wb") as out,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out) as server,
    ):
        try:
            _wait_for_server(port, server, log)
            yield Lab(f"http://127.0.0.1:{port}", folder)
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait_for_server(port: int, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2):
                return
        except OSError:
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.2)
