"""Real upstream files for a few tests, and a small web server that misbehaves on demand."""

import contextlib
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from local_server import Server, reply


@pytest.fixture(scope="session")
def real_files() -> Path:
    """The folder with the real upstream files, used as a mirror."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("RDPLANE_TEST_DATA") or beside)
    if not (folder / "binarized_mnist").is_dir():
        pytest.skip(f"no real data files in {folder}; name their folder in RDPLANE_TEST_DATA")
    return folder


@pytest.fixture(autouse=True)
def no_mirror_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RDPLANE_MIRROR", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append(self.path)
            handlers = state.answers.get(self.path, [reply(b"", 404)])
            handler = handlers.pop(0) if len(handlers) > 1 else handlers[0]
            with contextlib.suppress(ConnectionError):
                handler(self)

        def log_message(self, *args: object) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = Server(f"http://127.0.0.1:{web.server_address[1]}")
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield state
    web.shutdown()
    web.server_close()
    thread.join()
