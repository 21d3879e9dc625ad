"""A directory that refuses everybody and tells back what it was sent, as careless APIs do."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@contextmanager
def echoing() -> Iterator[str]:
    """Its address until the block ends. It refuses with 401 or 400 in the words of every vendor."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            sent = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            said = f"invalid: {self.headers.get('authorization')} {self.headers.get('x-api-key')} {sent}"
            is_token = "token" in self.path
            body: dict[str, Any] = {
                "errorCode": "E0000011",
                "errorSummary": said,
                "error": "invalid_client" if is_token else {"code": "Invalid", "message": said},
                "error_description": said,
                "message": said,
                "detail": said,
            }
            text = json.dumps(body).encode()
            self.send_response(401)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
