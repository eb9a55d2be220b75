"""rdplane: latent-variable models on the rate-distortion plane."""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def __getattr__(name: str) -> Any:
    """`rdplane.load` imports torch; the rest of the package must not pay for that."""
    if name == "load":
        from rdplane.evaluate.load import load

        return load
    raise AttributeError(f"module 'rdplane' has no attribute {name!r}")
