import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

# Helpers of the figures' tests make up tables, samples and extensions for those of the page, too.
sys.path.insert(0, str(Path(__file__).parents[1] / "figures"))

import own
import synthetic
from own import extension

from rdplane.declare import use
from rdplane.experiment.layout import cell_of
from rdplane.page import write_page

__all__ = ["extension"]

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
def own_written(tmp_path_factory):
    """The page of runs of a user's parts and objective beside those of the package, in two precisions."""
    folder = tmp_path_factory.mktemp("own")
    use([str(own.write(folder))])
    try:
        table = synthetic.table(architectures=own.ARCHITECTURES, betas=(0.1, 1.0), penalties=(9,), free_bits=(4, 12))
        table.loc[:9, "precision"] = "bfloat16"
        table.to_csv(folder / "rd.csv", index=False)
        write_page(folder, folder / "rd_plane.html")
    finally:
        use([])
    return folder / "rd_plane.html", table


@pytest.fixture(scope="session")
def curves_written(tmp_path_factory):
    """The page of two whole curves, one of them with a point at a searched beta more, beside separate runs."""
    folder = tmp_path_factory.mktemp("curves")
    betas = (0.1, 0.4, 1.0)
    table = pd.concat(
        [
            synthetic.table(architectures=("-+v", "+-v"), betas=(0.1, 1.0)),
            synthetic.curves(architectures=("-+v",), betas=betas),
            synthetic.curves(architectures=("+-v",), betas=betas, rates=(30,)),
        ],
        ignore_index=True,
    )
    table.to_csv(folder / "rd.csv", index=False)
    for name, rows in table[table.objective == "curve"].groupby(table.cell.map(cell_of)):
        each = [synthetic.samples(seed=index) for index in range(len(rows))]
        arrays = {key: np.stack([drawn[key] for drawn in each]) for key in each[0]}
        arrays |= {
            "data": each[0]["data"],
            "draws": each[0]["draws"],
            "point": [row.split("@")[1] for row in rows.cell],
        }
        (folder / "cells" / name).mkdir(parents=True)
        np.savez_compressed(folder / "cells" / name / "samples.npz", **arrays)
    write_page(folder, folder / "rd_plane.html")
    return folder / "rd_plane.html", table


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
