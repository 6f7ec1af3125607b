"""The smallest marketplace: a page in a sandboxed frame, and externalSubmit.

It is not app.marketplace, so that the question is tested against MTurk's contract and not against our reading of it.
"""

import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlencode, urlsplit
from xml.sax.saxutils import escape

Posted = list[tuple[str, str]]

_ANSWERS_XMLNS = "http://mechanicalturk.amazonaws.com/AWSMechanicalTurkDataSchemas/2005-10-01/QuestionFormAnswers.xsd"


class FrameHost:
    """A server on a free loopback port. `page` is the frame's content; `posted` gets each submitted form."""

    def __init__(self) -> None:
        self.page = ""
        self.posted: queue.Queue[Posted] = queue.Queue()
        self.submit_path = ""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def work_url(self, assignment_id: str, *, submit_to: str | None = None) -> str:
        """The worker's page around the frame of an accepted HIT."""
        return self._outer_url(
            assignmentId=assignment_id, hitId="3HIT", workerId="AWORKER", turkSubmitTo=submit_to or self.url
        )

    def preview_url(self) -> str:
        """The page around the frame before the HIT is accepted."""
        return self._outer_url(assignmentId="ASSIGNMENT_ID_NOT_AVAILABLE", hitId="3HIT", turkSubmitTo=self.url)

    def _outer_url(self, **parameters: str) -> str:
        return f"{self.url}/work?{urlencode(parameters)}"


def answer_xml(posted: Posted, *, encoding: str = "UTF-8") -> str:
    """The Answer XML that MTurk makes of a posted form."""
    answers = "".join(
        f"<Answer><QuestionIdentifier>{escape(name)}</QuestionIdentifier><FreeText>{escape(text)}</FreeText></Answer>"
        for name, text in posted
        if name != "assignmentId"
    )
    return (
        f'<?xml version="1.0" encoding="{encoding}"?>\n'
        f'<QuestionFormAnswers xmlns="{_ANSWERS_XMLNS}">{answers}</QuestionFormAnswers>'
    )


def _handler_of(host: FrameHost) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/work":
                frame = f'<iframe sandbox="allow-scripts allow-forms" src="/frame?{escape(url.query)}"'
                self._answer(f'<!DOCTYPE html><body style="margin:0">{frame} style="border:0;width:100%;height:100vh">')
            elif url.path == "/frame":
                self._answer(host.page)
            else:
                self.send_error(404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            host.submit_path = self.path
            host.posted.put(parse_qsl(body, keep_blank_values=True))
            self._answer("<!DOCTYPE html><title>Thanks</title><p>Submitted")

        def log_message(self, format: str, *args: object) -> None:
            pass

        def _answer(self, page: str) -> None:
            body = page.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
