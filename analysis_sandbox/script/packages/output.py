"""From what the bundler wrote to the modules of a version, after a look at what they need."""

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from analysis_sandbox.errors import ScriptInvalidError
from analysis_sandbox.script.packages.imports import Bundle, PackageImport, PinnedPackage, refused
from analysis_sandbox.script.packages.modules import (
    FILE_MARK,
    SHIMS,
    Want,
    find_wants,
    loses_names,
    missing_globals,
    packages_in,
    with_shims,
)
from analysis_sandbox.script.packages.specifiers import connection_refusal
from analysis_sandbox.script.wording import listed, shown
from analysis_sandbox.values import JSONObject, JSONValue

MAX_MODULE_BYTES = 2 << 20
MAX_BUNDLE_BYTES = 4 << 20
OUT_DIRECTORY = "out"
LOCK_FILE = "deno.lock"
_PART = "#"
_NUL = "\0"
_ADD_ON_LOADERS = frozenset(
    {
        *("bindings", "node-gyp-build", "node-gyp-build-optional-packages", "node-pre-gyp"),
        *("@mapbox/node-pre-gyp", "prebuild-install", "node-addon-api", "pkg-prebuilds"),
    }
)
_LOCKED = re.compile(r"(?P<name>@?[^@]+)@(?P<version>[^_]+)")
_NOTHING_THERE = "a script has no files, network, processes or native code"


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What the bundler left: texts by file name, the files they were made from, and the lock."""

    texts: Mapping[str, str]
    sources: frozenset[Path]
    lock: JSONObject


def entry_file(index: int) -> str:
    """Return the file name of the entry for an import."""
    return f"{index}.js"


def read_output(
    work: Path, imports: Sequence[PackageImport], *, before: JSONObject | None
) -> Output:
    """Read what the bundler wrote in its directory, having had the lock `before`.

    Raises:
        ScriptInvalidError: it is too large.
    """
    files = sorted((work / OUT_DIRECTORY).glob("*.js"))
    sizes = {path.name: path.stat().st_size for path in files}
    if problems := _size_problems(sizes, imports):
        raise ScriptInvalidError(problems)
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    sources = frozenset(source for path in files for source in _sources(path))
    found = cast("JSONObject", json.loads((work / LOCK_FILE).read_text(encoding="utf-8")))
    lock = _current_lock(found, before or {}, {item.package for item in imports})
    return Output(texts=texts, sources=sources, lock=lock)


def make_bundle(
    output: Output, imports: Sequence[PackageImport], *, work: Path, packages: Path
) -> Bundle:
    """Turn the output into modules under the names that scripts import.

    `work` is where the entries are, `packages` where every other source must be.

    Raises:
        ScriptInvalidError: a package needs what no script has, or took in a file of this machine.
    """
    _refuse_foreign_files(output, imports, work=work, packages=packages)
    modules = _modules(output, imports, work=work, packages=packages)
    errors: list[str] = []
    warnings: list[str] = []
    for item in imports:
        texts = [modules[name] for name in _reached(modules, item.specifier)]
        errors += [
            refused(item.line, item.specifier, reason)
            for reason in _objections(item, modules[item.specifier], texts, known=modules)
        ]
        missing = dict.fromkeys(name for text in texts for name in missing_globals(text))
        if missing:
            warnings.append(
                f"Line {item.line}: {shown(item.specifier)} uses {', '.join(missing)}, which a "
                "script does not have: what needs it fails when it is called"
            )
    if errors:
        raise ScriptInvalidError(errors)
    return Bundle(
        modules=_with_shims(modules),
        packages=_pins(output, imports, modules),
        lock=output.lock,
        warnings=tuple(warnings),
    )


def _size_problems(sizes: Mapping[str, int], imports: Sequence[PackageImport]) -> list[str]:
    advice = "import only the names that you need, or a smaller package"
    problems: list[str] = []
    for index, item in enumerate(imports):
        if (size := sizes.get(entry_file(index), 0)) > MAX_MODULE_BYTES:
            reason = f"it makes {_megabytes(size)}; the limit is {_megabytes(MAX_MODULE_BYTES)}"
            problems.append(refused(item.line, item.specifier, f"{reason}; {advice}"))
    total = sum(sizes.values())
    if total > MAX_BUNDLE_BYTES and not problems:
        problems.append(
            f"The imported packages make {_megabytes(total)} together; the limit is "
            f"{_megabytes(MAX_BUNDLE_BYTES)}; {advice}"
        )
    return problems


def _megabytes(size: int) -> str:
    return f"{size / (1 << 20):.1f} MB"


def _sources(path: Path) -> Iterator[Path]:
    """Return the files that an output was made from, as its source map lists them."""
    found: dict[str, Any] = json.loads(Path(f"{path}.map").read_text(encoding="utf-8"))
    for source in found["sources"]:
        # What a package switches off for browsers comes from no file.
        if _NUL not in source:
            yield Path(os.path.realpath(path.parent / source))


def _refuse_foreign_files(
    output: Output, imports: Sequence[PackageImport], *, work: Path, packages: Path
) -> None:
    """A package can name any file of this machine in an import, and would get its content."""
    entries = {work / entry_file(index) for index in range(len(imports))}
    packages = Path(os.path.realpath(packages))
    for source in output.sources - entries:
        if not source.is_relative_to(packages):
            names = listed(dict.fromkeys(item.package for item in imports))
            raise ScriptInvalidError(
                [f"A package takes in a file from outside of it, which is not allowed: {names}"]
            )


def _modules(
    output: Output, imports: Sequence[PackageImport], *, work: Path, packages: Path
) -> dict[str, str]:
    """Name each text as it is imported, and each path in it by package and version."""
    names = {entry_file(index): item.specifier for index, item in enumerate(imports)}
    names |= {name: f"{_PART}{Path(name).stem}" for name in output.texts if name not in names}
    prefixes = _prefixes(output, work=work, packages=packages)
    modules: dict[str, str] = {}
    for file, text in output.texts.items():
        for prefix in prefixes:
            text = text.replace(prefix, FILE_MARK)  # noqa: PLW2901
        for other, name in names.items():
            text = text.replace(f'"./{other}"', json.dumps(name))  # noqa: PLW2901
        # The catalogue's JSON cannot hold it; as an escape it means the same.
        modules[names[file]] = text.replace(_NUL, r"\x00")
    return {names[file]: modules[names[file]] for file in names}


def _prefixes(output: Output, *, work: Path, packages: Path) -> set[str]:
    """Return what stands before package and version in the paths that the bundler printed."""
    locked = [f"/{name}/{version}" for name, version, _ in _locked(output.lock)]
    prefixes: set[str] = set()
    for source in output.sources:
        path = source.as_posix()
        for place in locked:
            if (end := path.find(place)) > 0 and source.is_relative_to(os.path.realpath(packages)):
                prefixes.add(f"{os.path.relpath(path[:end], work)}/")
    return prefixes


def _reached(modules: Mapping[str, str], start: str) -> list[str]:
    """Return a module and the shared parts that it needs."""
    reached: dict[str, None] = {}
    waiting = [start]
    while waiting:
        name = waiting.pop()
        reached[name] = None
        waiting += [
            other
            for other in modules
            if other.startswith(_PART) and other not in reached and f'"{other}"' in modules[name]
        ]
    return list(reached)


def _objections(
    item: PackageImport, entry: str, texts: Sequence[str], *, known: Mapping[str, str]
) -> Iterator[str]:
    if loses_names(entry):
        yield (
            "it is a CommonJS package, whose names cannot be imported all at once; import those "
            "that you use, or the default"
        )
    inside = {name for text in texts for name in packages_in(text)}
    for name in sorted(inside - {item.package}):
        if reason := connection_refusal(name):
            yield f"{item.package} wants {name}; {reason}"
    wants = [want for text in texts for want in find_wants(text, known) if not _is_shimmed(want)]
    add_ons = sorted(inside & _ADD_ON_LOADERS)
    add_ons += [Path(want.name).name for want in wants if want.name.endswith(".node")]
    names = [f"a native add-on ({name})" for name in add_ons[:1]]
    names += sorted({_shown(want) for want in wants if not want.name.endswith(".node")})
    if names:
        owners = sorted({want.package for want in wants} - {"", item.package})
        through = f" (through {', '.join(owners)})" if owners else ""
        yield f"{item.package} wants {', '.join(names)}{through}; {_NOTHING_THERE}"


def _shown(want: Want) -> str:
    # What could not be taken in is named by its place on this machine.
    return Path(want.name).name if want.name.startswith(("/", "file:")) else want.name


def _is_shimmed(want: Want) -> bool:
    return want.name in SHIMS


def _with_shims(modules: Mapping[str, str]) -> dict[str, str]:
    wanted = {
        want.name
        for text in modules.values()
        for want in find_wants(text, modules)
        if want.is_static and _is_shimmed(want)
    }
    served = {name: with_shims(text) for name, text in modules.items()}
    return served | {name: SHIMS[name] for name in sorted(wanted)}


def _requested(lock: JSONObject) -> Mapping[str, str]:
    return cast("Mapping[str, str]", lock.get("specifiers") or {})


def _requested_package(key: str) -> str:
    return key.removeprefix("npm:").rpartition("@")[0]


def _current_lock(found: JSONObject, before: JSONObject, packages: set[str]) -> JSONObject:
    """Leave out the requests of `before` that are no more: one is left for each package."""
    current: dict[str, JSONValue] = {}
    for key in sorted(_requested(found), key=lambda key: key not in _requested(before)):
        if (package := _requested_package(key)) in packages:
            replaced = [other for other in current if _requested_package(other) == package]
            for other in replaced:
                del current[other]
            current[key] = _requested(found)[key]
    return {**found, "specifiers": dict(sorted(current.items()))}


def _locked(lock: JSONObject) -> Iterator[tuple[str, str, str]]:
    """Return name, version and integrity of each package in the lock."""
    packages = cast("Mapping[str, Mapping[str, str]]", lock.get("npm") or {})
    for key, entry in packages.items():
        if match := _LOCKED.match(key):
            yield match["name"], match["version"], entry.get("integrity", "")


def _pins(
    output: Output, imports: Sequence[PackageImport], modules: Mapping[str, str]
) -> tuple[PinnedPackage, ...]:
    chosen = {_requested_package(key): ver for key, ver in _requested(output.lock).items()}
    inside = {(name, ver) for text in modules.values() for name, ver in packages_in(text).items()}
    pins: dict[tuple[str, str], PinnedPackage] = {}
    for name, version, integrity in _locked(output.lock):
        own = [item.specifier for item in imports if item.package == name]
        if own and chosen.get(name, "").partition("_")[0] != version:
            own = []
        if own or (name, version) in inside:
            pins[name, version] = PinnedPackage(
                name=name,
                version=version,
                integrity=integrity,
                specifiers=tuple(own),
                bundle_sha256=_digest(modules, own) if own else "",
            )
    return tuple(sorted(pins.values(), key=lambda pin: (not pin.specifiers, pin.name, pin.version)))


def _digest(modules: Mapping[str, str], specifiers: Sequence[str]) -> str:
    """Return the hash of what these specifiers get, shared parts included."""
    names = sorted({name for start in specifiers for name in _reached(modules, start)})
    text = json.dumps([[name, modules[name]] for name in names])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
