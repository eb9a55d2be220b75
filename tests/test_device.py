"""Where the numbers are computed, and that float32 means float32 there, on CUDA too."""

import warnings

import pytest
import torch

from rdplane.device import choose_device

KINDS = (torch.backends.cuda.matmul, torch.backends.cudnn.conv, torch.backends.cudnn.rnn)


@pytest.fixture(autouse=True)
def tf32():
    """TF32 is on, by the older names, as a program may have set it; afterwards it is as it was."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        yield
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = False, True


def is_on():
    return [kind.fp32_precision == "tf32" for kind in KINDS]


def test_the_choice_of_a_device_switches_tf32_off():
    assert all(is_on())
    choose_device("cpu")
    assert [kind.fp32_precision for kind in KINDS] == ["ieee"] * 3


def test_both_of_torchs_ways_to_ask_agree_that_it_is_off():
    """To ask by the older names, as its compiler does, is an error where they do not."""
    choose_device("cpu")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert not torch.backends.cuda.matmul.allow_tf32 and not torch.backends.cudnn.allow_tf32
        assert torch.get_float32_matmul_precision() == "highest"


def test_a_setting_for_all_operations_does_not_bring_it_back():
    choose_device("cpu")
    torch.backends.fp32_precision = "tf32"
    try:
        assert not any(is_on())
    finally:
        torch.backends.fp32_precision = "none"


def test_nothing_is_said_of_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choose_device("cpu")


def test_it_may_be_chosen_again_and_again():
    for _ in range(2):
        assert choose_device("cpu").type == "cpu"
    assert not any(is_on())
