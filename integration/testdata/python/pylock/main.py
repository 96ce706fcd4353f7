import http.server
import os

import idna


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer().encode())


def answer():
    return f"Hello from pylock, {idna.encode('ä.test').decode()}."


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
