"""The RD plane as one web page to explore, readable from disk without a network."""

from rdplane.page.write import write_page

__all__ = ["write_page"]
