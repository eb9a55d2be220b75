"""A user's own folder of pictures: how it may be arranged, and one clear line for everything else."""

import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rdplane.data import labelled, load, pixels_of, prepare, resolve
from rdplane.errors import UserError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (20, 7, 5), np.uint8)
COLOUR = RANDOM.integers(0, 256, (20, 7, 5, 3), np.uint8)
FOLDER = Path("pictures")
EXPECTED = (
    "expected PNG or JPEG pictures straight in it, or in one sub-folder for each class, or such folders named train, "
    "valid and test"
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(images: np.ndarray, folder: Path = FOLDER, first: int = 0, ending: str = ".png") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, image in enumerate(images, first):
        Image.fromarray(image).save(folder / f"{number:03}{ending}")


def spec(**settings):
    common = {"dataset": "mine", "file": "pictures", "seed": 0, "binarise": "none", "split": [0.8, 0.1, 0.1]}
    return common | settings


def prepared(**settings):
    given = spec(**settings)
    prepare(given, Path("images.npz"))
    images = load("images.npz")
    assert images.pixels == pixels_of(given) and (images.labels is not None) == labelled(given)
    return images


def message(**settings) -> str:
    with pytest.raises(UserError) as caught:
        prepare(spec(**settings), Path("images.npz"))
    assert "\n" not in str(caught.value) and not Path("images.npz").exists()
    return str(caught.value)


def in_some_order(images) -> list[bytes]:
    return sorted(image.tobytes() for image in images)


def everything(images):
    return in_some_order([*images.train, *images.valid, *images.test])


# --- accepted


@pytest.mark.parametrize(("array", "pixels"), [(GREY, "grey"), (COLOUR, "colour"), (GREY > 127, "binary")])
def test_pictures_straight_in_the_folder(array, pixels):
    write(array)
    images = prepared()
    assert (images.pixels, images.shape) == (pixels, array.shape[1:]) and images.labels is None
    assert everything(images) == in_some_order(array.astype(np.uint8))


def test_other_files_are_left_alone():
    write(GREY)
    before = resolve(spec())
    (FOLDER / "README.txt").write_text("what these are")
    (FOLDER / ".hidden.png").write_text("a thumbnail")
    assert resolve(spec()) == before and len(prepared().train) == 16


def test_jpeg_is_read_as_pillow_reads_it():
    write(COLOUR[:10], ending=".jpg")
    write(COLOUR[10:], first=10, ending=".JPEG")
    expected = [np.asarray(Image.open(path)) for path in FOLDER.iterdir()]
    assert everything(prepared()) == in_some_order(expected)


def test_a_folder_for_each_class_gives_labels():
    write(COLOUR[:12], FOLDER / "dogs")
    write(COLOUR[12:], FOLDER / "cats")
    images = prepared(split=[0.5, 0.25, 0.25])
    cats = in_some_order(COLOUR[12:])
    assert images.meta["classes"] == ["cats", "dogs"]
    for part in ("train", "valid", "test"):
        expected = [int(image.tobytes() not in cats) for image in getattr(images, part)]
        assert images.labels[part].tolist() == expected


@pytest.mark.parametrize("valid", ["valid", "val"])
def test_folders_of_a_split(valid):
    write(GREY[:12], FOLDER / "train")
    write(GREY[12:15], FOLDER / valid)
    write(GREY[15:], FOLDER / "test")
    images = prepared()
    np.testing.assert_array_equal(images.train, GREY[:12])
    np.testing.assert_array_equal(images.valid, GREY[12:15])
    np.testing.assert_array_equal(images.test, GREY[15:])
    assert set(resolve(spec())) == {"dataset", "folder_sha256", "binarise", "pixels"}


def test_folders_of_a_split_with_classes():
    write(GREY[:4], FOLDER / "train" / "b")
    write(GREY[4:6], FOLDER / "valid" / "c")
    write(GREY[6:8], FOLDER / "test" / "a")
    write(GREY[8:11], FOLDER / "test" / "b")
    labels = prepared().labels
    assert {part: values.tolist() for part, values in labels.items()} == {
        "train": [1] * 4, "valid": [2] * 2, "test": [0, 0, 1, 1, 1],
    }  # fmt: skip


def test_folders_train_and_test_alone():
    write(GREY[:16], FOLDER / "train")
    write(GREY[16:], FOLDER / "test")
    images = prepared(split=[0.6, 0.2, 0.2])
    assert images.meta["counts"] == {"train": 12, "valid": 4, "test": 4}
    np.testing.assert_array_equal(images.test, GREY[16:])


@pytest.mark.parametrize("binarise", ["threshold", "bernoulli"])
def test_grey_pictures_are_binarised(binarise):
    write(GREY)
    assert prepared(binarise=binarise, threshold=0.5).pixels == "binary"


def test_grey_pictures_that_are_nearly_black_stay_grey():
    write(GREY // 128)
    assert prepared().pixels == "grey"


# --- identity


def test_identity_follows_names_and_contents():
    write(GREY)
    first = resolve(spec())
    assert set(first) == {"dataset", "folder_sha256", "binarise", "split", "seed", "pixels"}
    FOLDER.rename("elsewhere")
    assert resolve(spec(file="elsewhere")) == first
    os.rename("elsewhere/000.png", "elsewhere/0.png")
    renamed = resolve(spec(file="elsewhere"))
    Image.fromarray(GREY[0] ^ 1).save("elsewhere/0.png")
    changed = resolve(spec(file="elsewhere"))
    assert len({identity["folder_sha256"] for identity in (first, renamed, changed)}) == 3


# --- refused


def test_an_empty_folder():
    FOLDER.mkdir()
    assert message() == f"data.file pictures holds no pictures; {EXPECTED}"


def test_an_empty_part():
    write(GREY, FOLDER / "train")
    (FOLDER / "test").mkdir()
    assert message() == f"data.file pictures/test holds no pictures; {EXPECTED}"


def test_pictures_beside_classes():
    write(GREY[:10])
    write(GREY[10:], FOLDER / "cats")
    assert message() == (
        f"data.file pictures holds pictures straight in it (000.png) and in sub-folders (cats/000.png); {EXPECTED}; "
        "move them so"
    )


def test_folders_too_deep():
    write(GREY, FOLDER / "cats" / "small")
    assert message().startswith("data.file pictures holds pictures/cats/small, a folder too deep; expected PNG or JPEG")


def test_another_folder_beside_a_split():
    for name in ("train", "test", "extra"):
        write(GREY, FOLDER / name)
    assert message().startswith("data.file pictures holds extra beside the folders train and test; expected PNG or")


def test_mixed_sizes():
    write(COLOUR)
    write(COLOUR[:1, :6], first=30)
    assert message() == (
        "data.file pictures/030.png is 6 x 5, pictures/000.png 7 x 5; expected one size; crop, pad or scale the "
        "pictures"
    )


def test_mixed_kinds():
    write(COLOUR)
    write(GREY[:1], first=30)
    assert message() == (
        "data.file pictures/030.png is grey, pictures/000.png colour; expected pictures of one kind; convert them with "
        "Pillow's image.convert('RGB')"
    )


def test_small_pictures():
    write(GREY[:, :3])
    assert message() == (
        "data.file pictures/000.png is 3 x 5; expected at least 4 pixels in height and width; pad or enlarge the "
        "pictures"
    )


KINDS = "expected 1 bit, grey of 8 bits or colour of 3 x 8 bits"


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("P", f"has a palette; {KINDS}; convert it with Pillow's image.convert('RGB'), or 'L' for grey"),
        ("RGBA", f"has an alpha channel; {KINDS}; drop it with Pillow's image.convert('RGB')"),
        ("LA", f"has an alpha channel; {KINDS}; drop it with Pillow's image.convert('L')"),
        ("I;16", f"has 16 bits; {KINDS}; divide its values by 257, round, and save them with 8 bits"),
        ("CMYK", f"has pixels of another kind (CMYK); {KINDS}; convert it with Pillow's image.convert('RGB')"),
    ],
)
def test_pictures_of_other_modes(mode, expected):
    write(COLOUR)
    ending = ".jpg" if mode == "CMYK" else ".png"
    made = Image.fromarray(GREY[0].astype(np.uint16)) if mode == "I;16" else Image.fromarray(COLOUR[0]).convert(mode)
    made.save(FOLDER / f"zz{ending}")
    assert message() == f"data.file pictures/zz{ending} {expected}"


def png(depth: int, colour: int, row: bytes) -> bytes:
    """A PNG of 4 x 4 whose rows are all the same."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", 4, 4, depth, colour, 0, 0, 0)
    body = zlib.compress((b"\0" + row) * 4)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def test_colour_of_16_bits_is_not_cut_to_8_in_silence():
    FOLDER.mkdir()
    (FOLDER / "deep.png").write_bytes(png(16, 2, bytes(range(24))))
    assert message().startswith("data.file pictures/deep.png has 16 bits; expected 1 bit, grey of 8 bits")


def test_a_transparent_colour_is_alpha():
    write(COLOUR)
    Image.fromarray(COLOUR[0]).save(FOLDER / "zz.png", transparency=(0, 0, 0))
    assert message().startswith("data.file pictures/zz.png has an alpha channel")


@pytest.mark.parametrize("ending", [".png", ".jpg"])
def test_a_picture_cut_short(ending):
    write(RANDOM.integers(0, 256, (20, 40, 40, 3), np.uint8), ending=ending)
    path = FOLDER / f"007{ending}"
    path.write_bytes(path.read_bytes()[:-400])
    found = message()
    assert found.startswith(f"data.file pictures/007{ending} cannot be read (")
    assert found.endswith("; replace it or move it away")


@pytest.mark.parametrize("content", [b"", b"no picture", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_picture(content):
    write(COLOUR)
    (FOLDER / "005.png").write_bytes(content)
    assert message() == ("data.file pictures/005.png is no PNG or JPEG, or is damaged; replace it or move it away")


def test_a_damaged_picture():
    write(COLOUR)
    content = bytearray((FOLDER / "005.png").read_bytes())
    content[60] ^= 255
    (FOLDER / "005.png").write_bytes(content)
    assert message().startswith("data.file pictures/005.png ")


def test_pictures_of_another_type():
    write(GREY, ending=".bmp")
    assert message().endswith(".bmp is a .bmp file; expected PNG or JPEG; convert it to PNG")


def test_a_picture_that_would_fill_the_memory(monkeypatch):
    write(COLOUR)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert "cannot be read (Image size (35 pixels) exceeds limit" in message()


def test_colour_is_not_binarised():
    write(COLOUR)
    assert message(binarise="threshold", threshold=0.5).startswith("data.binarise is 'threshold', but data.file pict")


def test_a_folder_that_cannot_be_read(monkeypatch):
    write(COLOUR)

    def denied(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", denied)
    assert message() == f"data.file pictures cannot be read (Permission denied); {EXPECTED}"


def test_a_picture_that_is_stored_turned_is_refused():
    write(COLOUR[:9])
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(COLOUR[9]).save(FOLDER / "phone.jpg", exif=exif)
    assert "phone.jpg is stored turned (EXIF orientation 6)" in message()
