"""What the journeys share: the service as processes, watched browser windows, files of doubtful labels."""

import csv
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Frame, Page, Request

from tests.browsing import PATIENCE_MS, chromium
from tests.marketplace.conftest import clock, credentials, marketplace, mturk, settings, worker
from tests.stack import RunningStack, running_stack

__all__ = ["chromium", "clock", "credentials", "marketplace", "mturk", "settings", "worker"]

DESKTOP, PHONE = 1280, 390
_HEIGHTS = {DESKTOP: 900, PHONE: 844}


@pytest.fixture
def stack(tmp_path: Path, database_url: str) -> Iterator[RunningStack]:
    """Console, marketplace and one job runner at work."""
    with running_stack(tmp_path, database_url) as running:
        yield running


@dataclass(slots=True)
class Window:
    """A browser window under watch: `faults` gathers whatever a visitor's console would show, and strange requests."""

    page: Page
    context: BrowserContext
    width: int
    pictures: Path
    origins: set[str]
    faults: list[str] = field(default_factory=list)

    def look(self, name: str) -> None:
        """Keep a picture of the whole page, and check what must hold on every page."""
        self.page.screenshot(path=self.pictures / f"{name}-{self.width}.png", full_page=True)
        self.check_width(self.page.main_frame, self.width, name)
        self.check_accessibility(name)

    def check_width(self, frame: Frame, width: int, name: str) -> None:
        """Nobody scrolls sideways."""
        wide: int = frame.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{name} is {wide} pixels wide in a window of {width}"

    def check_accessibility(self, name: str) -> None:
        """No serious finding of axe-core."""
        self.page.evaluate(axe_core())
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        grave = [
            f"{name}: {one['id']} ({one['impact']}): {node['html'][:160]}"
            for one in found
            if one["impact"] in {"serious", "critical"}
            for node in one["nodes"]
        ]
        assert not grave, "\n".join(grave)

    def check_quiet(self) -> None:
        """Nothing went wrong in the background, and nothing was asked of anybody else."""
        assert not self.faults, "\n".join(self.faults)


OpenWindow = Callable[[int], Window]


@cache
def axe_core() -> str:
    """The script of axe-core, as its wheel brings it; LABELJURY_AXE names another one's axe.min.js."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.origin is not None
    path = os.environ.get("LABELJURY_AXE") or Path(spec.origin).with_name("axe.min.js")
    return Path(path).read_text(encoding="utf-8")


@pytest.fixture
def open_window(chromium: Browser, stack: RunningStack, tmp_path: Path) -> Iterator[OpenWindow]:
    """Opens a window of a width: a desk's with keyboard and mouse, or a phone's to touch."""
    with windows(chromium, tmp_path, stack.web_url, stack.marketplace_url) as open_one:
        yield open_one


@contextmanager
def windows(chromium: Browser, tmp_path: Path, *urls: str) -> Iterator[OpenWindow]:
    """Windows that may speak with these sites alone."""
    pictures = Path(os.environ.get("LABELJURY_SCREENSHOTS") or tmp_path / "screenshots")
    pictures.mkdir(parents=True, exist_ok=True)
    origins = {urlsplit(url).netloc for url in urls}
    opened: list[BrowserContext] = []

    def open_one(width: int) -> Window:
        phone = width == PHONE
        context = chromium.new_context(
            viewport={"width": width, "height": _HEIGHTS[width]},
            has_touch=phone,
            is_mobile=phone,
            reduced_motion="reduce",
        )
        context.set_default_timeout(PATIENCE_MS)
        opened.append(context)
        window = Window(context.new_page(), context, width, pictures, origins)
        _watch(window)
        return window

    yield open_one
    for context in opened:
        context.close()


def _watch(window: Window) -> None:
    def on_console(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            window.faults.append(f"console {message.type} on {window.page.url}: {message.text}")

    def on_request(request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in {"data", "blob", "about"} and url.netloc not in window.origins:
            window.faults.append(f"request to {request.url} from {window.page.url}")

    window.page.on("console", on_console)
    window.page.on("pageerror", lambda error: window.faults.append(f"script error on {window.page.url}: {error}"))
    window.context.on("request", on_request)


def write_texts(path: Path, rows: int) -> Path:
    """A CSV of `rows` texts, each given `question` and guessed `statement`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "given_label", "guessed_label"])
        writer.writerows(
            [f"text-{n}", f"Would you like a cup of tea, number {n}?", "question", "statement"] for n in range(rows)
        )
    return path


def write_pictures(folder: Path, rows: int) -> Path:
    """A CSV of `rows` drawn pictures in the folder, each given `circle` and guessed `square`."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(rows):
        picture = Image.new("RGB", (64, 64), "white")
        draw = ImageDraw.Draw(picture)
        (draw.ellipse if n % 2 else draw.rectangle)((10 + n, 10, 50, 50), fill=("teal", "maroon", "navy")[n % 3])
        picture.save(folder / f"{n}.png")
    path = folder / "shapes.csv"
    lines = ["id,media,given_label,guessed_label", *(f"shape-{n},{n}.png,circle,square" for n in range(rows))]
    path.write_text("\n".join(lines) + "\n")
    return path


def live_batch(stack: RunningStack, file: Path, *options: str) -> int:
    """A Batch made and launched by the command line; its number, once every HIT is live."""
    made = stack.labeljury("batch", "create", file, *options)
    assert made.returncode == 0, made.stderr
    (number,) = re.findall(r"^Batch (\d+):", made.stdout)
    launched = stack.labeljury("batch", "launch", number)
    assert launched.returncode == 0, launched.stderr
    stack.wait_for("SELECT count(*) > 0 AND bool_and(status = 'live') FROM hits WHERE batch_id = :id", id=int(number))
    return int(number)
