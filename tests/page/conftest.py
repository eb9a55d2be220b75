import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

# synthetic.py makes up tables and samples for the tests of the figures and of the page.
sys.path.insert(0, str(Path(__file__).parents[1] / "figures"))

import synthetic

from rdplane.page import write_page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    """An experiment's folder of 60 runs, the first without samples, and its table."""
    folder = tmp_path_factory.mktemp("experiment")
    table = synthetic.table(anneals=(0, 100), betas=(0.1, 1.0), targets=(5,), dataset="binarized_mnist").iloc[:60]
    table.to_csv(folder / "rd.csv", index=False)
    for index, cell in enumerate(table.cell[1:]):
        (folder / "cells" / cell).mkdir(parents=True)
        arrays = synthetic.samples(seed=index) | {"data": synthetic.samples(seed=0)["data"]}
        np.savez_compressed(folder / "cells" / cell / "samples.npz", **arrays)
    return folder, table


@pytest.fixture(scope="session")
def written(experiment, tmp_path_factory):
    """The page of that experiment."""
    output = tmp_path_factory.mktemp("page") / "rd_plane.html"
    write_page(experiment[0], output, "a note")
    return output


@pytest.fixture(scope="session")
def browser():
    """A headless browser that asks for nothing by itself."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")
    program = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if program is None:
        pytest.skip(
            f"no browser on PATH ({', '.join(_BROWSERS)}): install one to test the page, e.g. apt install chromium"
        )
    with tempfile.TemporaryDirectory() as profile, api.sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=program, headless=True, args=_FLAGS.split(), offline=True
        )
        context.set_default_timeout(10_000)
        yield context
        context.close()


@pytest.fixture
def visit(browser):
    """Open a file at a size; at the end of the test nothing may have gone wrong or been asked for."""
    pages, faults = [], []

    def opened(path, width=1366, height=768):
        page = browser.new_page()
        pages.append(page)
        page.set_viewport_size({"width": width, "height": height})
        page.on(
            "console", lambda message: faults.append(message.text) if message.type in ("error", "warning") else None
        )
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None
                if request.url == path.as_uri() or request.url.startswith(("data:", "blob:"))
                else faults.append(f"asked for {request.url[:100]}")
            ),
        )
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready]")
        return page

    yield opened
    for page in pages:
        page.close()
    assert not faults
