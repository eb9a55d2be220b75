"""What the local web server of the download tests is told to answer."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler


class Server:
    """Answers on localhost: `answers[path]` is a list of handlers, one a request, the last for all further ones."""

    def __init__(self, address: str):
        self.address = address
        self.answers: dict[str, list[Callable[[BaseHTTPRequestHandler], None]]] = {}
        self.requests: list[str] = []


def reply(content: bytes, status: int = 200, length: int | None = None) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer with `content`; `length` is what its Content-Length claims."""

    def handler(request: BaseHTTPRequestHandler) -> None:
        request.send_response(status)
        request.send_header("Content-Length", str(len(content) if length is None else length))
        request.end_headers()
        request.wfile.write(content)

    return handler
