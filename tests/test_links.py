"""Every relative link of the documentation leads to a file of the project."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *(str(p.relative_to(ROOT)) for folder in ("docs", "results/published/*") for p in ROOT.glob(f"{folder}/*.md")),
]
LINKS = [
    (page, link)
    for page in PAGES
    for link in re.findall(r"\]\(([^)#]+)\)", (ROOT / page).read_text())
    if not link.startswith("http")
]


@pytest.mark.parametrize(("page", "link"), LINKS)
def test_link_leads_to_a_file_of_the_project(page, link):
    target = (ROOT / page).parent / link
    assert target.exists()
    generated = target.resolve().is_relative_to(ROOT / "results")
    assert not generated or target.resolve().is_relative_to(ROOT / "results/published")  # the rest is in nobody's clone
