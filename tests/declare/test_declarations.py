"""Declarations: read from source as they would be made by running it, checked where they are made, each one once."""

import subprocess
import sys
from pathlib import Path

import pytest

from rdplane.declare import declared, use
from rdplane.declare.kinds import KINDS, Declaration
from rdplane.declare.objects import imported
from rdplane.declare.read import read
from rdplane.errors import UserError
from rdplane.experiment import versions
from rdplane.experiment.config import resolve_config

PART = """
from rdplane.declare import Key, Part, Whole
from rdplane.models.deconv_decoder import DeconvDecoder

DECODER = Part(kind="decoder", symbol="d", title="mine", builds="D", sizes=("latent", "width"))


class D(DeconvDecoder):
    pass


class E(DeconvDecoder):
    pass
"""


@pytest.fixture(autouse=True)
def nothing_in_use_afterwards():
    yield
    use([])


@pytest.fixture
def extension(tmp_path):
    """Writes a file, puts it into use, and returns its path."""

    def write(text, name="mine.py", start=True):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        if start:
            use([str(path)])
        return path

    return write


BUILT_IN = [item for item in declared().everything() if not item.source.endswith(".py")]


@pytest.mark.parametrize("item", BUILT_IN, ids=lambda item: item.name)
def test_what_is_read_is_what_running_the_file_makes(item):
    """Marks of parts aside: one that says nothing gets a free one."""
    imported(item)
    made = [value for value in vars(sys.modules[item.source]).values() if isinstance(value, Declaration)]
    assert item in made


def test_reading_all_declarations_imports_neither_torch_nor_numpy():
    check = "import sys; from rdplane.declare import declared; declared()"
    code = f"{check}; sys.exit(bool({{'torch', 'numpy', 'matplotlib', 'pandas'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_users_file_is_not_run_to_be_read(extension):
    extension("raise SystemExit('was run')\n" + PART)
    assert declared().parts["decoder"]["d"].title == "mine"


def test_names_of_literals_above_are_known(extension):
    extension(
        PART.replace("DECODER =", "UNITS = 2 * 8\nSIZE = Key('mine', Whole(1), UNITS, 'a size')\nDECODER =").replace(
            '("latent", "width")', '("latent", "width", SIZE)'
        )
    )
    assert declared().keys["mine"].default == 16


WRONG = {
    "sizes without a comma": ('sizes=("latent", "width")', 'sizes=("latent")', "sizes is 'latent', expected tuple"),
    "symbol": ('symbol="d"', "symbol=3", "symbol is 3, expected str"),
    "two characters": ('symbol="d"', 'symbol="dd"', "the symbol is 'dd', expected one letter"),
    "kind": ('kind="decoder"', 'kind="coder"', "kind is 'coder', expected one of encoder, decoder, marginal"),
    "mark": ('title="mine"', 'title="mine", mark="blue"', "the mark is 'blue', expected one of light, dark"),
    "check": ('"width")', '"width", Key("q", 3, 1, "t"))', "check is 3, expected Check"),
    "default": ('"width")', '"width", Key("q", Whole(1), 0, "t"))', "the default of q is 0, expected a whole number"),
    "key name": ('"width")', '"width", Key("q-x", Whole(1), 1, "t"))', "a key is named 'q-x', expected lower-case"),
    "unknown key": ('"width")', '"wide")', "no key 'wide' is declared"),
    "unknown argument": ('title="mine"', 'title="mine", colour="red"', "unexpected keyword argument 'colour'"),
    "a call": ('title="mine"', "title=input()", "is no literal"),
    "taken": ('symbol="d"', 'symbol="+"', "there is a decoder '+' already, in rdplane.models.pixelcnn"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_declaration_is_one_line_that_names_the_file(extension, fault):
    before, after, message = WRONG[fault]
    path = extension(PART.replace(before, after), start=False)
    with pytest.raises(UserError) as caught:
        use([str(path)])
    assert message in str(caught.value) and str(path) in str(caught.value) and "\n" not in str(caught.value)


OBJECTIVE = (
    'from rdplane.declare import Objective\nOBJECTIVE = Objective(name="mine", text="t", title="t", '
    'label="m {value:g}", slug="mine", builds="Mine")\n'
)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('name="mine"', 'name="seed"', "means something else in the grid"),
        ('slug="mine"', 'slug="beta"', "the slug is 'beta', expected"),
        ('slug="mine"', 'slug="a/b"', "the slug is 'a/b', expected"),
        ('label="m {value:g}"', 'label="m"', "the label is 'm', expected {value} in it"),
        ('slug="mine"', 'slug="mine", default=(-3.0,)', "the default is (-3.0,), expected each to be"),
        ('slug="mine"', 'slug="mine", mark="o"', "the mark is 'o', expected '', 'x' or '+'"),
    ],
)
def test_a_wrong_objective_is_one_line(extension, before, after, message):
    path = extension(OBJECTIVE.replace(before, after), start=False)
    with pytest.raises(UserError) as caught:
        use([str(path)])
    assert message in str(caught.value) and str(path) in str(caught.value)


def test_a_key_of_an_objective_takes_no_place_of_training(extension):
    text = OBJECTIVE.replace("import Objective", "import Key, Objective, Whole")
    path = extension(text.replace('slug="mine"', 'slug="mine", keys=(Key("epochs", Whole(1), 1, "t"),)'), start=False)
    with pytest.raises(UserError, match=r"mine\.py: training\.epochs is there already"):
        resolve_config({"extensions": [str(path)]})


def test_using_others_forgets_what_was_in_use(extension):
    extension(PART)
    use([])
    assert "d" not in declared().parts["decoder"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_part_of_the_package_has_a_mark_of_its_own(kind):
    marks = [part.mark for part in declared().parts[kind].values()]
    assert len(set(marks)) == len(marks)


# --- what counts of a user's source


def version(path, text, name="decoder d"):
    path.write_text(text)
    use([str(path)])
    return versions.version(name)


def test_the_class_that_is_named_counts(extension):
    path = extension(PART)
    assert version(path, PART) != version(path, PART.replace('builds="D"', 'builds="E"'))


def test_titles_and_comments_do_not_count(extension):
    path = extension(PART)
    assert version(path, PART) == version(path, PART.replace('title="mine"', 'title="ours"') + "# a comment\n")


def test_a_call_of_a_declarations_name_within_a_function_counts(extension):
    text = PART + "\n\ndef f():\n    g = Part({})\n    return g\n"
    path = extension(PART)
    assert version(path, text.format("1")) != version(path, text.format("2"))


@pytest.mark.parametrize(
    ("line", "helper"),
    [
        ("import helper", "helper.py"),
        ("from helper import value", "helper.py"),
        ("from tools import deep", "tools/deep.py"),
        ("from tools.deep import value", "tools/deep.py"),
    ],
)
def test_a_helper_beside_the_file_counts(extension, line, helper):
    (extension("value = 1\n", helper, start=False)).touch()
    path = extension(PART)
    first = version(path, line + PART)
    extension("value = 2\n", helper, start=False)
    assert version(path, line + PART) != first


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("somebodys", "from . import layers"),
        ("anothers", "from .layers import value"),
        ("a_thirds", "from a_thirds import layers"),
    ],
)
def test_an_import_within_a_package_counts(tmp_path, monkeypatch, name, line):
    package = tmp_path / name
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "layers.py").write_text("value = 1\n")
    (package / "parts.py").write_text(line + "\n" + PART)
    monkeypatch.syspath_prepend(str(tmp_path))
    use([f"{name}.parts"])
    assert package / "layers.py" in versions.sources("decoder d")


def test_a_sampler_beside_the_file_counts_to_drawing_alone(extension):
    extension("value = 1\n", "draws.py", start=False)
    path = extension(PART.replace('title="mine"', 'title="mine", sampler="draws"') + "\n\ndef f():\n    import draws\n")
    assert [file.name for file in versions.sources("decoder d drawing")] == ["draws.py"]
    assert path.parent / "draws.py" not in versions.sources("decoder d")


def test_helpers_of_one_name_in_two_folders_are_refused(extension):
    for folder, symbol in (("a", "x"), ("b", "y")):
        extension("value = 1\n", f"{folder}/helper_of_two.py", start=False)
        text = "import helper_of_two\n" + PART.replace('symbol="d"', f'symbol="{symbol}"')
        extension(text, f"{folder}/parts.py", start=False)
    folder = Path(extension(PART).parent)
    use([str(folder / "a/parts.py"), str(folder / "b/parts.py")])
    imported(declared().parts["decoder"]["x"])
    with pytest.raises(UserError, match=r"b/parts\.py imports helper_of_two, expected .*b/helper_of_two\.py, but "):
        imported(declared().parts["decoder"]["y"])


@pytest.mark.parametrize("text", ["raise SystemExit(3)\n", "import no_such_module\n", "1 / 0\n"])
def test_a_file_that_cannot_be_imported_is_one_line(extension, text):
    path = extension(PART + text)
    with pytest.raises(UserError, match=r"mine\.py, line \d+ cannot be imported: ") as caught:
        imported(declared().parts["decoder"]["d"])
    assert str(path) in str(caught.value)


def test_a_file_that_declares_nothing_has_nothing(extension):
    assert read(extension("x = 1\n", start=False), "x") == []


def test_pixels_of_a_dataset_are_of_a_known_kind(extension):
    path = extension('DATASET = Dataset(name="mine", title="mine", makes="make", pixels="rgb")\n', start=False)
    with pytest.raises(UserError, match=r"pixels is 'rgb', expected one of binary, grey, colour"):
        use([str(path)])
