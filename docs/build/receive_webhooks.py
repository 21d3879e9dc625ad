"""Receives webhooks of Directory Connector: checks the signature, keeps each event once, answers quickly.

Start it with the secret in the environment and a port:
WEBHOOK_SECRET=whsec_... python receive_webhooks.py 8000
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

SEEN: set[str] = set()  # in an application: a unique column, written in the transaction of the change


def handle(event: dict) -> None:
    """What the application does with an event."""
    about = event.get("subject") or event.get("connection") or {}
    print(event["sequence"], event["type"], about.get("label", about.get("name", "")), flush=True)


class Receiver(BaseHTTPRequestHandler):
    """POST / with an event: 204 when it is kept, 401 when it is not the connector's."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            # Verify the bytes as they came: an event that was parsed and printed again is another text.
            Webhook(os.environ["WEBHOOK_SECRET"]).verify(body, dict(self.headers), json_parse=False)
        except WebhookVerificationError as error:
            self.answer(401, str(error))
            return
        if self.headers["webhook-id"] not in SEEN:
            handle(json.loads(body))
            SEEN.add(self.headers["webhook-id"])
        self.answer(204)

    def answer(self, status: int, text: str = "") -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """The events are enough to read."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver)
    print(f"listening on http://127.0.0.1:{server.server_address[1]}/", flush=True)
    server.serve_forever()
