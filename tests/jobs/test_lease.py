"""GPU leases with fake devices."""

import os
import signal
import subprocess
import sys
import time

import pytest

from rdplane.errors import UserError
from rdplane.jobs.lease import SCHEDULERS, devices, lease

HOLD = """
import time
from rdplane.jobs.lease import lease
with lease({places}) as device:
    print(device, flush=True)
    time.sleep({seconds})
"""


@pytest.fixture(autouse=True)
def fake_devices(tmp_path, monkeypatch):
    for key in SCHEDULERS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("RDPLANE_LEASES", str(tmp_path / "leases"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,7")


def hold(seconds=30.0, places=1):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.format(seconds=seconds, places=places)], stdout=subprocess.PIPE, text=True
    )
    return process, process.stdout.readline().strip()


def test_pool_is_the_users_own_choice():
    assert devices() == ["3", "7"]


@pytest.mark.parametrize("value", ["", "-1", "NoDevFiles"])
def test_no_visible_device_is_an_empty_pool(monkeypatch, value):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert devices() == []
    with lease() as device:
        assert device is None


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_jobs_of_a_scheduler_number_their_devices_apart(monkeypatch, scheduler):
    first, a = hold()
    monkeypatch.setenv(scheduler, "17")
    with lease() as device:
        assert device == a == "3"  # another job's device 3 is another device
    first.kill()


def test_processes_of_one_batch_job_get_devices_of_their_own(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    first, a = hold()
    with lease() as b:
        assert {a, b} == {"3", "7"}
    first.kill()


def test_folder_of_the_leases_cannot_be_made(monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RDPLANE_LEASES", str(tmp_path / "file"))
    with pytest.raises(UserError, match="name another in RDPLANE_LEASES"), lease():
        pass


def test_holder_sees_its_device_alone_and_gives_it_back():
    with lease() as device:
        assert os.environ["CUDA_VISIBLE_DEVICES"] == device == "3"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3,7"


def test_two_holders_get_two_devices():
    first, a = hold()
    second, b = hold()
    first.kill()
    second.kill()
    assert {a, b} == {"3", "7"}


def test_devices_fill_before_one_is_shared():
    holders = [hold(places=2) for _ in range(4)]
    for process, _ in holders:
        process.kill()
    assert [device for _, device in holders] == ["3", "7", "3", "7"]


def test_killed_holder_leaves_its_device_free():
    first, a = hold()
    second, _ = hold()
    first.send_signal(signal.SIGKILL)
    first.wait()
    with lease(poll=0.05) as device:
        assert device == a
    second.kill()


def test_third_waits_for_a_free_device():
    _, a = hold(seconds=6.0)
    second, _ = hold()
    start = time.monotonic()
    with lease(poll=0.05) as device:
        waited = time.monotonic() - start
    second.kill()
    assert device == a
    assert waited > 1
