# Compiles modules to files that Python loads without looking at the date of their source (PEP 552). The argument names a JSON list of
# jobs, each a list of modules. What marshal writes depends on what else a process has in memory, so each
# job is done by a process of its own, and all of them begin alike.
import importlib.util
import json
import marshal
import os
import sys


def do(job):
    for module in job:
        output, flags = module["output"], 3 if module["checked"] else 1
        with open(module["source"], "rb") as f:
            text = f.read()
        try:
            code = compile(text, module["final"], "exec", dont_inherit=True, optimize=0)
        except Exception:  # it is for another Python, or a template: whoever imports it is told
            continue
        os.makedirs(os.path.dirname(output), exist_ok=True)
        with open(output, "wb") as f:
            f.write(importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little") + importlib.util.source_hash(text) + marshal.dumps(code))


with open(sys.argv[1], "rb") as f:
    jobs = json.load(f)
running, failed = set(), False
while jobs or running:
    while jobs and len(running) < len(os.sched_getaffinity(0)):
        job = jobs.pop()
        pid = os.fork()
        if pid == 0:
            try:
                do(job)
            except BaseException as error:
                print(error, file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        running.add(pid)
    pid, status = os.wait()
    running.remove(pid)
    failed = failed or status != 0
sys.exit("modules could not be compiled" if failed else 0)
