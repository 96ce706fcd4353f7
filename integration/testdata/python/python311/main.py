import http.server
import os
import pkgutil
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer().encode())


def answer():
    for module in ("bz2", "crypt", "ctypes", "dbm", "distutils.version", "hashlib", "lzma", "pyexpat", "sqlite3", "ssl", "uuid", "zlib"):
        __import__(module)
    compiled = [m.name for m in pkgutil.iter_modules([p for p in sys.path if p.endswith("lib-dynload")])]
    for module in compiled:
        __import__(module)
    import asyncio

    return f"Hello from Python {sys.version_info[0]}.{sys.version_info[1]}, {asyncio.__cached__.rsplit(chr(47), 1)[1]}."


http.server.ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
