"""Answers with what it opened by name: the type of a file and a character set."""

import ctypes
import http.server
import os

import magic

libc = ctypes.CDLL(None)
libc.iconv_open.restype = ctypes.c_void_p


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        failed = ctypes.c_void_p(-1).value
        there = libc.iconv_open(b"EUC-KR", b"UTF-8") != failed
        body = f"{magic.from_buffer(b'%PDF-1.7', mime=True)} {there}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


http.server.ThreadingHTTPServer(("", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
