"""The texts around a bundle: the entries it is made from, and what its output still asks for.

The output is read line by line, as the bundler prints it: one statement a line, blocks indented,
and before the code of each file a comment with its path. What this overlooks is refused when the
module is loaded; it has no other way to reach anything.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from analysis_sandbox.script.packages.imports import EVERYTHING, PackageImport
from analysis_sandbox.script.packages.specifiers import builtin_name

FILE_MARK = "npm:"
_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_STATIC = re.compile(r'^(?:(?:import|export) (?:[^"\n]* from )?|\} from )"([^"\n]+)"', re.MULTILINE)
_CALLED = re.compile(r'\b(?:__require|import)\("([^"\n]+)"\)')
_FILE = re.compile(rf"^ *// {FILE_MARK}((?:@[^/\s]+/)?[^/\s]+)/(\d[^/\s]*)/", re.MULTILINE)
_REQUIRE_HELPER = "var __require = "
_LOST_NAMES = re.compile(r"^__reExport\(", re.MULTILINE)
_MISSING_GLOBALS = {
    "fetch": re.compile(r"(?<![\w$.#])fetch\("),
    **{
        name: re.compile(rf"\bnew {name}\(")
        for name in ("XMLHttpRequest", "WebSocket", "EventSource", "Worker", "SharedWorker")
    },
    "WebAssembly": re.compile(r"(?<![\w$.])WebAssembly\."),
}
_PROCESS = (
    '{ env: { NODE_ENV: "production" }, argv: [], version: "", versions: {}, platform: "browser", '
    'browser: true, cwd: () => "/", emitWarning() {}, '
    "nextTick: (f, ...values) => void Promise.resolve().then(() => f(...values)) }"
)
_NAMES = {
    "node:buffer": ("Buffer",),
    "node:timers": ("setTimeout", "clearTimeout", "setInterval", "clearInterval"),
    "node:url": ("URL", "URLSearchParams"),
}
# What packages take from Node.js and the sandbox has as globals, or can do without.
SHIMS: Mapping[str, str] = {
    name: f"const {{ {', '.join(names)} }} = globalThis; export {{ {', '.join(names)} }}; "
    f"export default {{ {', '.join(names)} }};\n"
    for name, names in _NAMES.items()
} | {"node:process": f"export default {_PROCESS};\n"}
_REQUIRABLE = {
    name: f"{{ {', '.join(f'{item}: globalThis.{item}' for item in names)} }}"
    for name, names in _NAMES.items()
} | {"node:process": _PROCESS}


@dataclass(frozen=True, slots=True)
class Want:
    """Something that a module asks its host for; `package` is whose code does, if that is known."""

    name: str
    package: str
    is_static: bool


def entry_text(item: PackageImport) -> str:
    """Return a module that exports what a script imports from a package, and nothing else.

    The package's unused parts can then be left out.
    """
    source = f"npm:{item.package}"
    source += f"@{item.version_range}" if item.version_range else ""
    source = json.dumps(f"{source}/{item.subpath}" if item.subpath else source)
    names = [name for name in item.names if name != EVERYTHING]
    lines = [f"import {source};"] if not item.names else []
    lines += [f"export * from {source};"] if EVERYTHING in item.names else []
    lines += [f"export {{ {', '.join(map(_export_name, names))} }} from {source};"] if names else []
    return "\n".join(lines) + "\n"


def loses_names(text: str) -> bool:
    """Tell whether an entry's `export *` found a CommonJS package, whose names show too late."""
    return _LOST_NAMES.search(text) is not None


def find_wants(text: str, own_modules: Iterable[str]) -> list[Want]:
    """Return what a module imports or requires besides `own_modules`.

    A require inside of `try` is left out: the package can do without what it looks for.
    """
    own = set(own_modules)
    wants: dict[tuple[str, bool], Want] = {}
    for pattern in (_STATIC, _CALLED):
        for match in pattern.finditer(text):
            is_static = pattern is _STATIC
            if match[1] in own or (not is_static and _is_tried(text, match.start())):
                continue
            name = builtin_name(match[1]) or match[1]
            want = Want(name, _package_at(text, match.start()), is_static)
            wants.setdefault((name, is_static), want)
    return list(wants.values())


def packages_in(text: str) -> dict[str, str]:
    """Return name and version of the packages whose code a module holds."""
    return {match[1]: match[2] for match in _FILE.finditer(text)}


def missing_globals(text: str) -> list[str]:
    """Return what a module uses of a browser that no script has, without asking for it first."""
    return [
        name
        for name, use in _MISSING_GLOBALS.items()
        if use.search(text) and not re.search(rf"typeof {name}\b|\bfunction {name}\b", text)
    ]


def with_shims(text: str) -> str:
    """Put before a module what it takes for granted: names of Node.js, and `self` of browsers.

    Those of Node.js only where the module does not ask first whether they are there: many would
    take the answer for a sign of Node.js itself. Who asks for `self` is after the global object,
    and would otherwise make it from text.
    """
    before = ""
    if _REQUIRE_HELPER in text:
        table = ", ".join(f"{json.dumps(name)}: {value}" for name, value in _REQUIRABLE.items())
        before += (
            f"const require = (name) => {{ const found = {{ {table} }}; "
            "if (Object.hasOwn(found, name)) return found[name]; "
            "throw new Error(`Cannot find module '${name}'`); }; "
        )
    if _uses_freely(text, "process"):
        before += f"const process = {_PROCESS}; "
    if _uses_freely(text, "global"):
        before += "const global = globalThis; "
    if (_uses_freely(text, "self") or _asks_for(text, "self")) and not _declares(text, "self"):
        before += "const self = globalThis; "
    return before + text


def _export_name(name: str) -> str:
    return name if _IDENTIFIER.fullmatch(name) else json.dumps(name)


def _package_at(text: str, offset: int) -> str:
    start = text.rfind(f"// {FILE_MARK}", 0, offset)
    match = _FILE.match(text, text.rfind("\n", 0, start) + 1) if start >= 0 else None
    return match[1] if match else ""


def _is_tried(text: str, offset: int) -> bool:
    """Tell whether a place is in the first block of a `try`, going outwards by indentation."""
    end = text.find("\n", offset)
    depth = sys.maxsize
    while depth > 0 and end > 0:
        start = text.rfind("\n", 0, end) + 1
        line = text[start:end]
        end = start - 1
        if line.strip() and _indentation(line) < depth:
            if depth == sys.maxsize and "try {" in line:
                return True
            depth = _indentation(line)
            if line.endswith("try {"):
                return True
    return False


def _indentation(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _uses_freely(text: str, name: str) -> bool:
    """Tell whether a module takes for granted that a global is there."""
    uses = re.search(rf"(?<![\w$.'\"`/-]){name}\s*(?:\.|\?\.|\[)", text)
    return uses is not None and not _asks_for(text, name) and not _declares(text, name)


def _asks_for(text: str, name: str) -> bool:
    return re.search(rf"\btypeof {name}\b", text) is not None


def _declares(text: str, name: str) -> bool:
    """Tell whether a module has a name of its own, as far as its printed lines tell."""
    forms = (
        rf"^(?:var|let|const) (?:.*, )?{name}(?: =|,|;)",
        rf"^(?:async )?(?:function\*?|class) {name}\b",
        rf"^import (?:.*[\s{{,])?{name}[\s,}}]",
        rf"^  (?:\S+ as )?{name},?$",
    )
    return any(re.search(form, text, re.MULTILINE) for form in forms)
