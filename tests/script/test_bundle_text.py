"""The entries of a bundle, and what its output is found to ask for. Pure text."""

import pytest

from analysis_sandbox.script.packages.imports import PackageImport
from analysis_sandbox.script.packages.modules import (
    entry_text,
    find_wants,
    loses_names,
    missing_globals,
    packages_in,
    with_shims,
)


def imported(*names: str, specifier: str = "tools/sub", version_range: str = "") -> PackageImport:
    package, _, subpath = specifier.partition("/")
    return PackageImport(
        specifier=specifier,
        package=package,
        subpath=subpath,
        version_range=version_range,
        names=names,
        line=1,
    )


@pytest.mark.parametrize(
    ("item", "text"),
    [
        (imported("a", "default"), 'export { a, default } from "npm:tools/sub";\n'),
        (imported("a", version_range="^1"), 'export { a } from "npm:tools@^1/sub";\n'),
        (imported("*"), 'export * from "npm:tools/sub";\n'),
        (
            imported("*", "default", specifier="tools"),
            'export * from "npm:tools";\nexport { default } from "npm:tools";\n',
        ),
        (imported(), 'import "npm:tools/sub";\n'),
        (
            imported('a"; import "b', specifier="tools"),
            'export { "a\\"; import \\"b" } from "npm:tools";\n',
        ),
    ],
)
def test_an_entry_exports_what_is_imported(item: PackageImport, text: str) -> None:
    assert entry_text(item) == text


OUTPUT = """\
import {
  a,
  b
} from "#chunk-AAAAAAAA";
import http from "node:http";
import "node:tls";

// npm:outer/1.0.0/index.js
var fs = __require("fs/promises");
var text = 'import x from "node:net"';

// npm:@scope/inner/2.1.0-beta.1/lib/x.js
function load() {
  return import("node:os");
}
var required = () => {
  if (found) {
    try {
      return [1].map(() => {
        return __require("node:crypto");
      });
    } catch {
      return __require("node:vm");
    }
  }
};
try { __require("node:zlib"); } catch { }
export {
  a
};
"""


def test_wants_are_found_with_the_package_whose_code_has_them() -> None:
    found = {want.name: want.package for want in find_wants(OUTPUT, ["#chunk-AAAAAAAA"])}
    assert found == {
        "node:http": "",
        "node:tls": "",
        "node:fs/promises": "outer",
        "node:os": "@scope/inner",
        "node:vm": "@scope/inner",
    }


def test_a_part_that_is_not_there_is_a_want() -> None:
    assert "#chunk-AAAAAAAA" in {want.name for want in find_wants(OUTPUT, [])}


def test_the_packages_of_a_module_are_read_from_its_marks() -> None:
    assert packages_in(OUTPUT) == {"outer": "1.0.0", "@scope/inner": "2.1.0-beta.1"}


def test_names_lost_from_a_commonjs_package_are_seen() -> None:
    assert loses_names("var x_exports = {};\n__reExport(x_exports, __toESM(require_x()));\n")
    assert not loses_names("export {\n  a\n};\n")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("const got = await fetch(url);", ["fetch"]),
        ("const socket = new WebSocket(url);", ["WebSocket"]),
        ("const xhr = new XMLHttpRequest();", ["XMLHttpRequest"]),
        ("const it = await WebAssembly.instantiate(bytes);", ["WebAssembly"]),
        ('if (typeof fetch === "function") fetch(url);', []),
        ("cache.fetch(key); this.#fetch(key); prefetch(key);", []),
        ("function fetch(key) {\n}\nfetch(key);", []),
    ],
)
def test_uses_of_what_scripts_lack_are_seen_unless_asked_for(text: str, names: list[str]) -> None:
    assert missing_globals(text) == names


@pytest.mark.parametrize(
    ("text", "is_given"),
    [
        ('if (process.env.NODE_ENV !== "production") warn();', True),
        ("process?.env", True),
        ('var isNode = typeof process !== "undefined" && process.versions;', False),
        ("var process = {};\nprocess.x();", False),
        ("var a = 1, process = {};\nprocess.x();", False),
        ("function process(x) {\n}\nprocess.x;", False),
        ('import process from "node:process";\nprocess.x;', False),
        ('import { process } from "#chunk-A";\nprocess.x;', False),
        ('import {\n  p as process,\n} from "#chunk-A";\nprocess.x;', False),
        ("queue.process.now; 'process.env'; preprocess.x;", False),
    ],
)
def test_process_is_given_to_those_only_who_take_it_for_granted(text: str, is_given: bool) -> None:
    assert ("const process = " in with_shims(text)) is is_given
    assert with_shims(text).endswith(text)


@pytest.mark.parametrize(
    ("text", "is_given"),
    [
        ('var root = typeof self == "object" && self || Function("return this")();', True),
        ("self.x = 1;", True),
        ("var self = this;\nself.x = 1;", False),
        ("const itself = 1;", False),
    ],
)
def test_self_is_given_to_who_asks_for_it(text: str, is_given: bool) -> None:
    assert ("const self = globalThis; " in with_shims(text)) is is_given
