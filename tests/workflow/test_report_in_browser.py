"""The report as a browser shows it: Debian's chromium, headless, steered by playwright.

Reports of the tiny runs and, where `make demo` was run here, its report.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tiny_runs import REPOSITORY, Workflow

playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip, extra dev)")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)"),
]

DEMO = REPOSITORY / "results" / "context-shapes" / "report.html"
PAGES = ("conta", "control", "demo")
MAX_BYTES = 15_000_000
#: milliseconds from the start of loading
MAX_FIRST_PAINT = 2000
DESKTOP, PHONE = (1280, 900), (360, 740)


@dataclass
class Opened:
    """A page in the browser, and what it said.

    Attributes:
        page: playwright's.
        errors: of the console and of scripts.
        requests: every address that was asked for but those inside the page.
    """

    page: playwright.Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def visible_rounds(self) -> set[str]:
        """The rounds whose pictures are on the screen."""
        script = """() => [...document.querySelectorAll("[data-round]")]
            .filter(row => row.querySelector("img").checkVisibility()).map(r => r.dataset.round)"""
        return set(self.page.evaluate(script))

    def first_image(self) -> str:
        """The first picture of a round that is on the screen."""
        script = """() => [...document.querySelectorAll("[data-round] img")]
            .find(image => image.checkVisibility()).src"""
        return str(self.page.evaluate(script))


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        # tests run as root in containers, where chromium's sandbox cannot
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=PAGES)
def report(request: pytest.FixtureRequest) -> Path:
    """Path of a report."""
    if request.param == "demo":
        if not DEMO.is_file():
            pytest.skip(f"needs {DEMO.relative_to(REPOSITORY)} (make demo)")
        return DEMO
    finished: Workflow = request.getfixturevalue("finished")
    return finished.directory / "results" / str(request.param) / "report.html"


@pytest.fixture
def visit(browser: playwright.Browser, report: Path) -> Iterator[Callable[..., Opened]]:
    """Opener of the report; afterwards no error was said and nothing asked for."""
    visits: list[Opened] = []

    def visit(size: tuple[int, int] = DESKTOP, **options: object) -> Opened:
        width, height = size
        page = browser.new_context(
            viewport={"width": width, "height": height}, **options
        ).new_page()
        opened = Opened(page)
        visits.append(opened)
        page.on("console", lambda said: opened.errors.append(f"{said.type}: {said.text}"))
        page.on("pageerror", lambda error: opened.errors.append(str(error)))
        page.on("request", lambda asked: opened.requests.append(asked.url))
        page.goto(report.as_uri())
        return opened

    yield visit
    for opened in visits:
        assert opened.errors == []
        asked = [url for url in opened.requests if not url.startswith("data:")]
        assert {url.split("#")[0] for url in asked} == {report.as_uri()}
        opened.page.context.close()


def test_size_and_first_paint(report: Path, visit: Callable[..., Opened]) -> None:
    assert report.stat().st_size <= MAX_BYTES
    page = visit().page
    paints = "performance.getEntriesByName('first-contentful-paint').map(one => one.startTime)"
    page.wait_for_function(f"{paints}.length > 0")
    (time,) = page.evaluate(paints)
    print(f"{report.parent.name}: {report.stat().st_size} bytes, first paint {time:.0f} ms")
    assert time < MAX_FIRST_PAINT


def test_every_picture_is_there_and_has_a_text(visit: Callable[..., Opened]) -> None:
    page = visit().page
    pictures = page.evaluate(
        "Promise.all([...document.images].map(i => i.decode().then(() => [i.alt, i.naturalWidth])))"
    )
    assert len(pictures) > 20
    assert all(text.strip() and width > 0 for text, width in pictures)
    plots = page.evaluate("[...document.querySelectorAll('svg')].map(s => s.ariaLabel)")
    assert plots
    assert all(plots)


def test_slider_moves_the_pictures(visit: Callable[..., Opened]) -> None:
    opened = visit()
    slider = opened.page.get_by_role("slider", name="Round")
    last = int(str(slider.get_attribute("max")))
    assert last >= 1
    assert opened.visible_rounds() == {str(last)}
    before = opened.first_image()
    slider.focus()
    for index in range(last - 1, -1, -1):
        opened.page.keyboard.press("ArrowLeft")
        assert opened.visible_rounds() == {str(index)}
        assert slider.get_attribute("aria-valuetext") == f"round {index}"
    assert opened.first_image() != before
    opened.page.get_by_role("checkbox", name="all rounds").check()
    assert opened.visible_rounds() == {str(index) for index in range(last + 1)}


def test_card_keeps_its_height_while_the_slider_moves(visit: Callable[..., Opened]) -> None:
    page = visit(PHONE).page
    heights = "[...document.querySelectorAll('.card')].map(card => card.offsetHeight)"
    before = page.evaluate(heights)
    page.get_by_role("slider", name="Round").focus()
    page.keyboard.press("Home")
    # captions may take a line more or less
    assert page.evaluate(heights) == pytest.approx(before, abs=40)


def test_without_scripts_everything_can_be_read(
    browser: playwright.Browser, visit: Callable[..., Opened]
) -> None:
    page = visit(java_script_enabled=False).page
    assert not page.get_by_role("slider").is_visible()
    rows = page.locator("[data-round]")
    assert {rows.nth(i).get_attribute("data-round") for i in range(rows.count())} >= {"0", "1"}
    assert all(rows.nth(i).is_visible() for i in range(rows.count()))
    assert page.get_by_role("heading", name="Times and memory").is_visible()


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_page_is_no_wider_than_the_screen(
    visit: Callable[..., Opened], size: tuple[int, int]
) -> None:
    page = visit(size).page
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]


def test_light_and_dark(visit: Callable[..., Opened]) -> None:
    """Text stands out in both; paper is light."""
    colours = (
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    page = visit(color_scheme="dark").page
    ink, ground = (brightness(colour) for colour in page.evaluate(colours))
    assert ink - ground > 180
    page.emulate_media(color_scheme="light")
    ink, ground = (brightness(colour) for colour in page.evaluate(colours))
    assert ground - ink > 180
    page.emulate_media(color_scheme="dark", media="print")
    ink, ground = (brightness(colour) for colour in page.evaluate(colours))
    assert ground - ink > 180


def brightness(colour: str) -> float:
    """Mean of the channels of a computed ``rgb(...)``."""
    red, green, blue = (float(part) for part in colour[4:-1].split(","))
    return (red + green + blue) / 3


def test_paper_shows_all_rounds_and_all_details(visit: Callable[..., Opened]) -> None:
    opened = visit()
    rounds = int(str(opened.page.locator("#round-slider").get_attribute("max"))) + 1
    opened.page.emulate_media(media="print")
    opened.page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert opened.visible_rounds() == {str(index) for index in range(rounds)}
    assert opened.page.locator("details:not([open])").count() == 0
    assert not opened.page.locator("#round-control").is_visible()
    opened.page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("details[open]").count() == 0
