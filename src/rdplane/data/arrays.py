"""From an array of a user's to images: its layout, what its pixels are, and their values, checked."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rdplane.errors import UserError

__all__ = ["LAYOUTS", "SMALLEST", "bytes_of", "check_values", "is_binary", "kind", "shaped", "sized"]

LAYOUTS = "(N, H, W), (N, H*W) for square images, (N, H, W, 1), (N, 1, H, W), or of colour (N, H, W, 3) or (N, 3, H, W)"
SMALLEST = 4  # pixels of a side: the encoder halves the map twice
_BLOCK = 500  # images looked at at once, so that a large set is never copied whole
_CHANNELS = (1, 3)


def sized(shape: tuple[int, ...], where: str) -> tuple[tuple[int, ...], bool]:
    """What the shape of an array means.

    Args:
        where: what a message calls the array.

    Returns:
        (N, H, W), of colour (N, H, W, 3); and whether the channels of the array stand before height and width.

    Raises:
        UserError: another shape, one of two meanings, or images that are too small.
    """
    first = False
    if len(shape) == 2:
        side = math.isqrt(shape[1])
        if side * side != shape[1]:
            raise UserError(
                f"{where} has shape {shape}, and {shape[1]} pixels make no square image; save the array as (N, H, W)"
            )
        found: tuple[int, ...] = (shape[0], side, side)
    elif len(shape) == 3:
        found = shape
    elif len(shape) == 4 and (shape[1] in _CHANNELS or shape[3] in _CHANNELS):
        if shape[1] in _CHANNELS and shape[3] in _CHANNELS:
            raise UserError(
                f"{where} has shape {shape}, whose channels may be the second or the last number; "
                "save the array as (N, H, W), or of colour (N, H, W, 3), with more than 3 pixels in height and width"
            )
        first = shape[1] in _CHANNELS
        channels, (height, width) = (shape[1], shape[2:]) if first else (shape[3], shape[1:3])
        found = (shape[0], height, width) + ((3,) if channels == 3 else ())
    elif len(shape) == 4 and 4 in (shape[1], shape[3]):
        drop = "images[..., :3]" if shape[3] == 4 else "images[:, :3]"
        raise UserError(f"{where} has shape {shape}, which is colour with alpha; drop it: save {drop}")
    else:
        raise UserError(f"{where} has shape {shape}; expected {LAYOUTS}")
    height, width = found[1:3]
    if min(height, width) < SMALLEST:
        raise UserError(
            f"{where} has images of {height} x {width}; expected at least {SMALLEST} pixels in height and width; "
            "pad or enlarge them"
        )
    if found[0] == 0:
        raise UserError(f"{where} has no images (shape {shape}); expected at least 2 in each part")
    return found, first


def shaped(array: NDArray, where: str) -> NDArray:
    """A view of an array as (N, H, W), of colour (N, H, W, 3).

    Raises:
        UserError: see `sized`.
    """
    shape, channels_first = sized(array.shape, where)
    return array.transpose(0, 2, 3, 1).reshape(shape) if channels_first else array.reshape(shape)


def check_values(array: NDArray, where: str) -> tuple[Any, Any]:
    """The least and the largest value of an array (N, ...).

    Raises:
        UserError: values of a type that is no number, NaN, or infinite.
    """
    if array.dtype.kind not in "buif":
        raise UserError(
            f"{where} holds values of type {array.dtype}; expected 0 and 1, whole numbers 0..255, or fractions 0..1"
        )
    lows, highs = [], []
    for start, block in _blocks(array):
        if array.dtype.kind == "f" and not np.isfinite(block).all():
            first = start + int((~np.isfinite(block)).reshape(len(block), -1).any(1).argmax())
            raise UserError(f"{where} holds NaN or infinite values, the first in image {first} (counted from 0)")
        lows.append(block.min())
        highs.append(block.max())
    return min(lows), max(highs)


def kind(array: NDArray) -> str:
    """What the pixels of (N, H, W) or (N, H, W, 3) are, 'binary', 'grey' or 'colour', if their values are usable.

    Grey is told from binary by its first value that is neither 0 nor 1, so a grey array is not read to its end.
    """
    if array.ndim == 4:
        return "colour"
    return "binary" if all(is_binary(block) for _, block in _blocks(array)) else "grey"


def is_binary(values: NDArray) -> bool:
    """Whether all are 0 or 1."""
    return values.dtype.kind == "b" or (values.dtype.kind in "uif" and bool(((values == 0) | (values == 1)).all()))


def bytes_of(array: NDArray, where: str) -> NDArray[np.uint8]:
    """Grey or colour of 8 bits as uint8 of 0..255: whole numbers as they are, fractions that are such numbers over 255.

    Args:
        array: (N, H, W) or (N, H, W, 3).

    Raises:
        UserError: see `check_values`; or values of another range, or fractions of more than 8 bits.
    """
    low, high = check_values(array, where)
    found = f"{where} holds {array.dtype} values from {low:g} to {high:g}"
    if array.dtype.kind != "f":
        if low < 0 or high > 255:
            raise UserError(f"{found}; expected whole numbers 0..255; {_scaling(array.dtype, high)}")
        if array.ndim == 4 and high <= 1:
            raise UserError(
                f"{where} holds only 0 and 1, but it is colour, whose whole numbers are 0..255; multiply it by 255"
            )
        return array if array.dtype == np.uint8 else array.astype(np.uint8)
    binarised = "" if array.ndim == 4 else ", or, for fractions, set data.binarise to 'bernoulli' or 'threshold'"
    if low < 0 or high > 1:
        whole = low >= 0 and high <= 255 and all((block == np.round(block)).all() for _, block in _blocks(array))
        mend = "save images.astype('uint8')" if whole else "bring them to 0..255, round, and save them as uint8"
        raise UserError(f"{found}; expected whole numbers 0..255 of a whole type; {mend}")
    # Of half precision the rounding is a quarter of a step, of single precision far less than a thousandth.
    slack = max(1e-3, 255 * float(np.finfo(array.dtype).eps))
    images = np.empty(array.shape, np.uint8)
    for start, block in _blocks(array):
        scaled = block.astype(np.float64) * 255
        images[start : start + len(block)] = whole_numbers = np.round(scaled)
        if np.abs(scaled - whole_numbers).max() > slack:
            raise UserError(
                f"{where} holds fractions that are no multiples of 1/255, so they are not 8-bit images; "
                f"save np.round(255 * images).astype('uint8') if 8 bits are what you mean{binarised}"
            )
    return images


def _scaling(dtype: np.dtype, high: Any) -> str:
    """What to do about whole numbers of a larger range."""
    if dtype == np.uint16 and high > 4095:
        return "for 16-bit images save np.round(images / 257).astype('uint8')"
    return "bring them to 0..255 and save them as uint8"


def _blocks(array: NDArray) -> Iterator[tuple[int, NDArray]]:
    for start in range(0, len(array), _BLOCK):
        yield start, array[start : start + _BLOCK]
