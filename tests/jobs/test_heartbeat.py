"""Signs of life, hangs, and how soon a signal ends a job."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from rdplane.jobs import heartbeat as module
from rdplane.jobs.heartbeat import STALLED, Heartbeat
from rdplane.train import train


def start(arguments, **environment):
    command = [sys.executable, "-m", "rdplane.commands.step", *arguments]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | environment)


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)


def test_beats_while_it_trains_and_is_gone_afterwards(tiny, tmp_path, monkeypatch):
    seen = []

    def keep(path, value):
        seen.append(value)
        module_write(path, value)

    module_write = module.write_json
    monkeypatch.setattr(module, "INTERVAL", 0.01)
    monkeypatch.setattr(module, "write_json", keep)
    train(tiny.cell(epochs=12), tiny.images, tmp_path, {"device": "cpu"})
    assert seen[0]["stage"] == "starting"
    assert seen[-1]["stage"] == "training"
    assert (seen[-1]["epochs"], seen[-1]["steps"]) == (12, 4)
    assert {value["pid"] for value in seen} == {os.getpid()}
    assert not (tmp_path / "state/heartbeat.json").exists()


def test_a_killed_job_leaves_its_last_beat(tiny, tmp_path):
    process = start(tiny.arguments(tiny.cell(epochs=200), tmp_path))
    path = tmp_path / "state/heartbeat.json"
    wait_for(tmp_path / "state/history.csv", process)
    process.kill()
    process.wait()
    assert json.loads(path.read_text())["pid"] == process.pid


def test_a_hang_ends_the_job_with_its_own_status_and_keeps_the_checkpoint(tiny, tmp_path):
    """The main thread sleeps for ever in its fourth step, as a lost network folder or driver would have it."""
    program = (
        "import sys, time\n"
        "from rdplane.train import gradient\n"
        "plain, calls = gradient.backward, []\n"
        "def hang(*arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 4: time.sleep(600)\n"
        "    return plain(*arguments)\n"
        "gradient.backward = hang\n"
        "from rdplane.commands.step import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    cell = tiny.cell()
    arguments = tiny.arguments(cell, tmp_path, stall_seconds=2)
    done = subprocess.run([sys.executable, "-c", program, *arguments], capture_output=True, text=True, timeout=120)
    assert done.returncode == STALLED
    assert "no training step in 2 s (compute.stall_seconds)" in done.stderr
    assert "most recent call first" in done.stderr and " in hang\n" in done.stderr  # where every thread stands
    assert "no training step in 2 s" in (tmp_path / "state/failure").read_text()
    assert (tmp_path / "state/checkpoint").exists()
    assert not (tmp_path / "state/heartbeat.json").exists()
    train(cell, tiny.images, tmp_path, {"device": "cpu"})
    assert not (tmp_path / "state/failure").exists()


def test_a_suspended_job_goes_on(tiny, tmp_path):
    """Ctrl-Z, or a scheduler that suspends: no step for longer than the limit, but nothing hangs."""
    program = "import sys; from rdplane.jobs import heartbeat; heartbeat.INTERVAL = 0.2\n"
    program += "from rdplane.commands.step import main; sys.exit(main(sys.argv[1:]))"
    arguments = tiny.arguments(tiny.cell(epochs=2000), tmp_path, stall_seconds=2, checkpoint_seconds=60)
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stderr=subprocess.PIPE, text=True)
    wait_for(tmp_path / "state/history.csv", process)
    process.send_signal(signal.SIGSTOP)
    time.sleep(4)
    process.send_signal(signal.SIGCONT)
    time.sleep(2)
    assert process.poll() is None
    process.terminate()
    process.communicate()
    assert process.returncode == 75


def test_a_slow_start_is_no_hang(tmp_path, monkeypatch):
    monkeypatch.setattr(module.os, "_exit", lambda status: pytest.fail("ended"))
    with Heartbeat(tmp_path, limit=0.1, stalled=lambda reason: pytest.fail(reason)):
        time.sleep(0.5)  # no step was made or promised yet


def test_a_full_disk_does_not_end_the_training(tmp_path, monkeypatch):
    def full(path, value):
        raise module.UserError("disk full")

    monkeypatch.setattr(module, "write_json", full)
    with Heartbeat(tmp_path, limit=0, stalled=lambda reason: None) as heartbeat:
        heartbeat.step()


def test_at_rest_no_step_is_expected_and_no_time_left_is_told(tmp_path):
    with Heartbeat(tmp_path, limit=0.1, stalled=lambda reason: pytest.fail(reason)) as heartbeat:
        heartbeat.step()
        heartbeat.report(epoch=3, left=12.0)
        heartbeat.rest("measuring")
        time.sleep(0.5)
        beat = json.loads((tmp_path / "heartbeat.json").read_text())
    assert (beat["stage"], beat["epoch"], beat["left"]) == ("measuring", 3, None)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
@pytest.mark.parametrize("moment", ["before its first step", "while it trains"])
def test_a_warned_job_ends_within_5_seconds(tiny, tmp_path, number, moment):
    process = start(tiny.arguments(tiny.cell(epochs=2000), tmp_path, checkpoint_seconds=60))
    wait_for(tmp_path / ("state/heartbeat.json" if moment == "before its first step" else "state/history.csv"), process)
    began = time.monotonic()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert time.monotonic() - began < 5
    assert process.returncode == 75
    assert errors.count(f"stopped by {number.name}") == 1
    assert (tmp_path / "state/checkpoint").exists() == (moment == "while it trains")
    assert not (tmp_path / "state/heartbeat.json").exists()
