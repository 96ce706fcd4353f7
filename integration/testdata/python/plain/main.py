import http.server
import os
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer().encode())


def answer():
    return f"Hello from Python {sys.version_info[0]}.{sys.version_info[1]}."


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
