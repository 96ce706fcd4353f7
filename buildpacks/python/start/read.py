# Prints what the Python files below a folder say, as JSON, one object for each file. It parses them; nothing of them runs.
import ast
import json
import os
import sys

FILES, BYTES, NAMES, TEXT, DEPTH = 1000, 1 << 20, 100, 300, 4
SKIPPED = {"node_modules", "site-packages", "__pycache__", "tests", "test", "docs", "doc", "examples", "migrations", "venv", "env", "build", "dist"}


def files(top):
    found = []
    folders = [""]
    while folders and len(found) < FILES:
        folder = folders.pop(0)
        with os.scandir(os.path.join(top, folder)) as entries:
            entries = sorted(entries, key=lambda entry: entry.name)
        if any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            name = os.path.join(folder, entry.name)
            if entry.name.startswith(".") or len(name) > TEXT or not name.isprintable():
                continue
            if entry.is_dir(follow_symlinks=False) and name.count("/") < DEPTH and entry.name not in SKIPPED:
                folders.append(name)
            elif entry.name.endswith(".py") and entry.is_file(follow_symlinks=False) and entry.stat().st_size <= BYTES:
                found.append(name)
    return found[:FILES]


def dotted(node):
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id] + parts[::-1]) if isinstance(node, ast.Name) else ""


def text(node):
    return node.value[:TEXT] if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


class Module:
    def __init__(self, tree):
        self.bound, self.stars = {}, []
        self.made, self.functions, self.texts, self.main = [], [], {}, False
        self.imports = set()
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Import):
                for name in node.names:
                    self.bound[name.asname or name.name.split(".")[0]] = name.name if name.asname else name.name.split(".")[0]
                    self.imports.add(name.name.split(".")[0])
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                if not node.level:
                    self.imports.add(module.split(".")[0])
                for name in node.names:
                    if name.name == "*":
                        self.stars.append(module)
                    self.bound[name.asname or name.name] = module + "." + name.name
        self.local = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
        self.body(tree.body)
        self.static = any(text(node) == "django.contrib.staticfiles" for node in nodes)
        for node in nodes:
            if isinstance(node, ast.Call):
                arguments = [text(argument) for argument in node.args]
                if "DJANGO_SETTINGS_MODULE" in arguments[:-1]:
                    self.texts.setdefault("DJANGO_SETTINGS_MODULE", arguments[arguments.index("DJANGO_SETTINGS_MODULE") + 1])

    def body(self, statements):
        for node in statements:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                self.function(node)
            elif isinstance(node, ast.ClassDef):
                continue
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    self.assign(target, node.value)
            elif isinstance(node, ast.AnnAssign) and node.value:
                self.assign(node.target, node.value)
            elif isinstance(node, ast.If) and "__name__" in [dotted(part) for part in ast.walk(node.test)]:
                self.main = True
            else:
                for field in ("body", "orelse", "finalbody", "handlers"):
                    for inner in getattr(node, field, None) or []:
                        self.body(inner.body if isinstance(inner, ast.ExceptHandler) else [inner])

    def assign(self, target, value):
        if isinstance(target, ast.Tuple) and target.elts:
            target = target.elts[0]
        if not isinstance(target, ast.Name):
            return
        if text(value):
            self.texts.setdefault(target.id, text(value))
        elif target.id.isupper():
            self.texts.setdefault(target.id, "")
        self.local.add(target.id)
        call = isinstance(value, ast.Call)
        of = self.of(dotted(value.func if call else value))
        if of:
            self.made.append({"name": target.id, "of": of, "call": call, "line": target.lineno})

    def function(self, node):
        arguments = node.args
        needed = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults) + sum(d is None for d in arguments.kw_defaults)
        if needed == 0 and isinstance(node, ast.FunctionDef):
            calls = {self.of(dotted(inner.func)) for inner in ast.walk(node) if isinstance(inner, ast.Call)}
            self.functions.append({"name": node.name, "calls": sorted(calls - {""})[:NAMES], "line": node.lineno})

    def of(self, name):
        if not name:
            return ""
        first, dot, rest = name.partition(".")
        if first in self.bound:
            name = self.bound[first] + dot + rest
        elif self.stars and first not in self.local:
            name = self.stars[-1] + "." + name
        return name[:TEXT]


top, all_files = sys.argv[1], []
for name in files(top):
    said = {"file": name}
    try:
        with open(os.path.join(top, name), "rb") as file:
            module = Module(ast.parse(file.read(BYTES)))
        said.update(
            made=module.made[:NAMES], functions=module.functions[:NAMES], imports=sorted(module.imports)[:NAMES],
            texts={key: value for key, value in list(module.texts.items())[:NAMES] if len(key) < TEXT},
            static=module.static, main=module.main)
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        said["error"] = str(error)[:TEXT]
    all_files.append(said)
json.dump(all_files, sys.stdout)
