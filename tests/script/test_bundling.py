"""The real bundler against a registry of our own. Its program comes from npm, once a session."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from analysis_sandbox.errors import (
    MissingDependencyError,
    ScriptError,
    ScriptInvalidError,
    UnavailableError,
)
from analysis_sandbox.sandbox.supervisor import CallOutcome, ScriptCall
from analysis_sandbox.script.inspection import Inspection, inspect_script
from analysis_sandbox.script.packages import bundling
from analysis_sandbox.script.packages.bundling import DenoBundler
from analysis_sandbox.settings import registry_environment
from tests.script.bundles import bundled, result, with_program
from tests.script.npm_registry import Registry

Evaluate = Callable[[ScriptCall], CallOutcome]
NewBundler = Callable[[], DenoBundler]

USE = "import { it } from 'tools';\nexport default { run: () => ({ it }) };"


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache into which the bundler's program has been downloaded, from npm itself."""
    directory = tmp_path_factory.mktemp("program")
    bundler = DenoBundler(directory, environment=registry_environment())
    bundled(bundler, "import { mean } from 'simple-statistics';", "simple-statistics")
    return directory


@pytest.fixture
def registry() -> Generator[Registry]:
    with Registry() as registry:
        yield registry


@pytest.fixture
def environment(registry: Registry) -> dict[str, str]:
    return {"NPM_CONFIG_REGISTRY": registry.url}


@pytest.fixture
def new_bundler(tmp_path: Path, program: Path, environment: dict[str, str]) -> NewBundler:
    """Makes bundlers that have downloaded nothing yet."""
    made: list[DenoBundler] = []

    def new_bundler() -> DenoBundler:
        directory = with_program(tmp_path / f"cache{len(made)}", like=program)
        made.append(DenoBundler(directory, environment=environment))
        return made[-1]

    return new_bundler


@pytest.fixture
def bundler(new_bundler: NewBundler) -> DenoBundler:
    return new_bundler()


def errors_of(bundler: DenoBundler, script: str, *allowed: str) -> list[str]:
    with pytest.raises(ScriptInvalidError) as caught:
        bundled(bundler, script, *allowed)
    return caught.value.errors


def test_a_bundle_runs_and_says_what_it_was_made_of(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish("inner", {"index.js": "export const one = 1; export const two = 2;"})
    registry.publish(
        "tools",
        {"index.js": "import { one } from 'inner'; export const it = [one];"},
        dependencies={"inner": "^1.0.0"},
    )

    bundle = bundled(bundler, USE, "tools@^1.0.0")

    assert result(evaluate, USE, bundle) == {"it": [1]}
    assert [(pin.name, pin.version, pin.specifiers) for pin in bundle.packages] == [
        ("tools", "1.0.0", ("tools",)),
        ("inner", "1.0.0", ()),
    ]
    assert all(pin.integrity.startswith("sha512-") for pin in bundle.packages)
    assert len(bundle.packages[0].bundle_sha256) == 64


def test_only_what_is_imported_is_in_the_bundle(bundler: DenoBundler, registry: Registry) -> None:
    registry.publish("tools", {"index.js": "export const it = 1; export const unused = () => 7;"})
    assert "unused" not in bundled(bundler, USE, "tools").modules["tools"]


def test_two_parts_of_a_package_share_what_they_have_in_common(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish(
        "tools",
        {
            "index.js": "export { Kind } from './kind.js';",
            "kind.js": "export class Kind {}",
            "make.js": "import { Kind } from './kind.js'; export const make = () => new Kind();",
        },
    )
    script = (
        "import { Kind } from 'tools'; import { make } from 'tools/make.js';\n"
        "export default { run: () => ({ same: make() instanceof Kind }) };"
    )

    bundle = bundled(bundler, script, "tools")

    assert result(evaluate, script, bundle) == {"same": True}
    assert [name for name in bundle.modules if name.startswith("#")]


def test_commonjs_packages_have_a_default_and_names(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish("tools", {"index.js": "exports.it = () => 5;"}, type="commonjs")
    script = (
        "import tools, { it } from 'tools'; import * as all from 'tools';\n"
        "export default { run: () => ({ sum: tools.it() + it() + all.it() }) };"
    )
    assert result(evaluate, script, bundled(bundler, script, "tools")) == {"sum": 15}


def test_the_names_of_a_commonjs_package_cannot_be_had_all_at_once(
    bundler: DenoBundler, registry: Registry
) -> None:
    registry.publish("tools", {"index.js": "exports.it = () => 5;"}, type="commonjs")
    [error] = errors_of(bundler, "import * as all from 'tools'; keep(all);", "tools")
    assert error.startswith("Line 1: import of 'tools' is not possible: it is a CommonJS package")


def test_json_and_side_effects_can_be_imported(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish(
        "tools", {"data.json": '{"a": [1]}', "effect.js": "globalThis.seen = 'effect';"}
    )
    script = (
        "import data from 'tools/data.json'; import 'tools/effect.js';\n"
        "export default { run: () => ({ data, seen: globalThis.seen }) };"
    )
    got = result(evaluate, script, bundled(bundler, script, "tools"))
    assert got == {"data": {"a": [1]}, "seen": "effect"}


def test_what_packages_take_for_granted_and_a_script_can_have_is_there(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish(
        "old",
        {
            "index.js": """
              var Buffer = require("buffer").Buffer;
              var crypto;
              try { crypto = require("crypto"); } catch (error) { crypto = "none"; }
              var root = typeof self == "object" && self.Object === Object && self
                || Function("return this")();
              exports.it = [Buffer.from("hi").toString("hex"), crypto, root === globalThis];
            """
        },
        type="commonjs",
    )
    registry.publish(
        "new",
        {
            "index.js": """
              import { Buffer } from "node:buffer"; import { URL } from "url";
              export const it = [process.env.HOME === undefined, process.cwd(),
                Buffer.from([65]).toString(), new URL("http://h/x").pathname];
            """
        },
    )
    script = (
        "import { it as old } from 'old'; import { it } from 'new';\n"
        "export default { run: () => ({ old, it, leaked: typeof process + typeof require }) };"
    )

    got = result(evaluate, script, bundled(bundler, script, "old", "new"))

    assert got["old"] == ["6869", "none", True]
    assert got["it"] == [True, "/", "A", "/x"]
    assert got["leaked"] == "undefinedundefined"


def test_an_inspection_stores_what_a_script_imports(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish("tools", {"index.js": "export const it = 'Monthly';"})
    script = "import { it } from 'tools';\nexport default { title: it, run: () => ({}) };"

    def inspect(text: str) -> Inspection:
        return inspect_script(
            text,
            filename="report.js",
            evaluate=evaluate,
            packages=bundler,
            allowed_packages=["tools"],
        )

    found = inspect(script)
    assert found.errors == []
    assert found.definition is not None
    assert found.definition.title == "Monthly"
    assert found.compiled == script
    assert set(found.modules) == {"tools"}
    [package] = found.packages
    assert package["specifiers"] == ["tools"]

    wrong = inspect(script.replace("{ it }", "{ that as it }"))
    assert wrong.errors == ["Line 1: import of 'tools' is not possible: it exports no 'that'"]
    assert wrong.modules == {}


def test_a_stack_names_the_package(
    bundler: DenoBundler, registry: Registry, evaluate: Evaluate
) -> None:
    registry.publish(
        "tools", {"index.js": "export const it = () => {\n  throw new Error('deep');\n};"}
    )
    script = "import { it } from 'tools';\nexport default { run() {\n  it();\n} };"

    with pytest.raises(ScriptError, match="deep") as caught:
        result(evaluate, script, bundled(bundler, script, "tools"))

    assert "tools:" in (caught.value.stack or "")
    assert caught.value.line == 3


def test_the_lock_keeps_a_version_when_a_newer_one_is_out(
    new_bundler: NewBundler, registry: Registry
) -> None:
    registry.publish("tools", {"index.js": "export const it = 'old';"}, version="1.0.0")
    first = bundled(new_bundler(), USE, "tools@^1.0.0")
    registry.publish("tools", {"index.js": "export const it = 'new';"}, version="1.1.0")

    again = bundled(new_bundler(), USE, "tools@^1.0.0", lock=first.lock)
    newer = bundled(new_bundler(), USE, "tools@^1.0.0")

    assert again == first
    assert newer.packages[0].version == "1.1.0"
    assert newer.packages[0].bundle_sha256 != first.packages[0].bundle_sha256


def test_the_registry_is_asked_again_for_versions_after_an_hour(
    tmp_path: Path, program: Path, registry: Registry, environment: dict[str, str]
) -> None:
    directory = with_program(tmp_path / "cache", like=program)
    bundler = DenoBundler(directory, environment=environment)
    registry.publish("tools", {"index.js": "export const it = 1;"}, version="1.0.0")
    bundled(bundler, USE, "tools")
    registry.publish("tools", {"index.js": "export const it = 2;"}, version="1.0.1")

    [answer] = directory.rglob("registry.json")
    an_hour_ago = answer.stat().st_mtime - 3601
    os.utime(answer, (an_hour_ago, an_hour_ago))

    assert bundled(bundler, USE, "tools").packages[0].version == "1.0.1"


def test_another_range_replaces_what_the_lock_says_of_a_package(
    bundler: DenoBundler, registry: Registry
) -> None:
    for version in ("1.0.0", "2.0.0"):
        registry.publish("tools", {"index.js": f"export const it = '{version}'"}, version=version)
    newest = bundled(bundler, USE, "tools@2")

    older = bundled(bundler, USE, "tools@1", lock=newest.lock)
    back = bundled(bundler, USE, "tools@2", lock=older.lock)

    assert [pin.version for pin in older.packages] == ["1.0.0"]
    assert back.modules == newest.modules
    assert back.lock["specifiers"] == newest.lock["specifiers"]


def test_a_download_with_another_hash_than_the_locks_is_refused(
    new_bundler: NewBundler, registry: Registry
) -> None:
    registry.publish("tools", {"index.js": "export const it = 1;"})
    lock = bundled(new_bundler(), USE, "tools@1.0.0").lock
    registry.publish("tools", {"index.js": "export const it = 'changed';"})

    with pytest.raises(ScriptInvalidError, match="does not have the hash it must have"):
        bundled(new_bundler(), USE, "tools@1.0.0", lock=lock)


@pytest.mark.parametrize(
    ("files", "wants"),
    [
        ({"index.js": "import 'node:fs'; export const it = 1;"}, "tools wants node:fs"),
        (
            {"index.js": "import { get } from 'https'; export const it = get;"},
            "tools wants node:https",
        ),
        (
            {"index.js": "export const it = () => import('child_process');"},
            "tools wants node:child_process",
        ),
        (
            {
                "index.js": "import { createRequire } from 'node:module';"
                "export const it = createRequire(import.meta.url)('./x.node');"
            },
            "tools wants node:module",
        ),
    ],
)
def test_a_package_that_wants_a_part_of_node_is_refused_with_its_name(
    bundler: DenoBundler, registry: Registry, files: dict[str, str], wants: str
) -> None:
    registry.publish("tools", files)
    [error] = errors_of(bundler, f"// first\n{USE}", "tools")
    assert error.startswith(f"Line 2: import of 'tools' is not possible: {wants};")


def test_a_want_is_told_of_the_package_behind_it(bundler: DenoBundler, registry: Registry) -> None:
    registry.publish("inner", {"index.js": "exports.x = require('fs');"}, type="commonjs")
    registry.publish(
        "tools", {"index.js": "export { x as it } from 'inner';"}, dependencies={"inner": "1"}
    )
    [error] = errors_of(bundler, USE, "tools")
    assert "tools wants node:fs (through inner); a script has no files" in error


def test_a_package_that_brings_a_network_client_is_refused(
    bundler: DenoBundler, registry: Registry
) -> None:
    registry.publish("axios", {"index.js": "export const get = () => globalThis.fetch;"})
    registry.publish(
        "tools", {"index.js": "export { get as it } from 'axios';"}, dependencies={"axios": "1"}
    )
    [error] = errors_of(bundler, USE, "tools")
    assert "tools wants axios; a script has no network" in error


def test_a_native_add_on_is_refused(bundler: DenoBundler, registry: Registry) -> None:
    registry.publish(
        "tools",
        {"index.js": "exports.it = require('./build/it.node');", "build/it.node": "\x7fELF"},
        type="commonjs",
    )
    [error] = errors_of(bundler, USE, "tools")
    assert "tools wants a native add-on (it.node); a script has no files" in error


def test_what_only_fails_when_it_is_called_is_a_warning(
    bundler: DenoBundler, registry: Registry
) -> None:
    registry.publish("tools", {"index.js": "export const it = (url) => fetch(url);"})
    [warning] = bundled(bundler, USE, "tools").warnings
    assert warning.startswith("Line 1: 'tools' uses fetch, which a script does not have")


@pytest.mark.parametrize("kind", ["json", "txt"])
def test_a_package_cannot_take_in_a_file_of_the_machine(
    bundler: DenoBundler, registry: Registry, tmp_path: Path, kind: str
) -> None:
    secret = tmp_path / f"secret.{kind}"
    secret.write_text('{"password": "hunter2"}', encoding="utf-8")
    registry.publish("tools", {"index.js": f"exports.it = require('{secret}');"}, type="commonjs")
    [error] = errors_of(bundler, USE, "tools")
    assert error == "A package takes in a file from outside of it, which is not allowed: 'tools'"


def test_install_scripts_do_not_run(
    bundler: DenoBundler, registry: Registry, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    commands = dict.fromkeys(("preinstall", "install", "postinstall"), f"touch {trace}")
    registry.publish("tools", {"index.js": "export const it = 1;"}, scripts=commands)
    bundled(bundler, USE, "tools")
    assert not trace.exists()


@pytest.mark.parametrize(
    ("script", "allowed", "reason"),
    [
        ("import x from 'absent'", "absent", "the registry has no package absent"),
        ("import { it } from 'tools'", "tools@^9", "tools has no version that fits '^9'"),
        ("import { it } from 'tools/gone'", "tools", "tools has no part 'gone'"),
        ("import { other } from 'tools'", "tools", "it exports no 'other'"),
        ("import tools from 'tools'", "tools", "it exports no 'default'"),
    ],
)
def test_what_is_not_there_is_told_at_its_line(
    bundler: DenoBundler, registry: Registry, script: str, allowed: str, reason: str
) -> None:
    registry.publish("fine", {"index.js": "export const fine = 1;"})
    registry.publish("tools", {"index.js": "export const it = 1;"})
    [error] = errors_of(bundler, f"import {{ fine }} from 'fine';\n{script}", "fine", allowed)
    assert error.startswith("Line 2: import of ")
    assert reason in error


def test_a_registry_that_refuses_is_told(bundler: DenoBundler, registry: Registry) -> None:
    registry.refused.add("tools")
    [error] = errors_of(bundler, USE, "tools")
    assert "the registry does not give it to us (no permission)" in error


@pytest.mark.parametrize(
    ("kilobytes", "reason"),
    [([2100], "it makes 2.1 MB; the limit is 2.0 MB"), ([1500] * 3, "make 4.4 MB together")],
)
def test_what_is_too_large_is_refused_with_both_figures(
    bundler: DenoBundler, registry: Registry, kilobytes: list[int], reason: str
) -> None:
    names = [f"large{number}" for number in range(len(kilobytes))]
    for name, size in zip(names, kilobytes, strict=True):
        registry.publish(name, {"index.js": f"export const it = '{'x' * 1024 * size}';"})
    script = "".join(f"import {{ it as {name} }} from '{name}';\n" for name in names)
    [error] = errors_of(bundler, script, *names)
    assert reason in error


def test_a_registry_that_is_away_is_transient_and_named_without_its_password(
    tmp_path: Path, program: Path
) -> None:
    with Registry() as gone:
        port = gone.port
    url = f"http://me:hunter2@127.0.0.1:{port}/"
    directory = with_program(tmp_path / "cache", like=program)
    bundler = DenoBundler(directory, environment={"NPM_CONFIG_REGISTRY": url})

    with pytest.raises(UnavailableError) as caught:
        bundled(bundler, USE, "tools")

    assert caught.value.message.startswith("The npm registry at 127.0.0.1 cannot be reached: ")
    assert "hunter2" not in f"{caught.value.message} {caught.value.hint} {caught.value.__cause__}"


def test_a_proxy_of_the_environment_is_used(tmp_path: Path, program: Path) -> None:
    with Registry() as gone:
        proxy = f"http://127.0.0.1:{gone.port}"
    directory = with_program(tmp_path / "cache", like=program)
    bundler = DenoBundler(directory, environment={"HTTPS_PROXY": proxy})

    with pytest.raises(UnavailableError, match="The npm registry cannot be reached: "):
        bundled(bundler, USE, "tools")


def test_a_registry_that_does_not_answer_is_given_up(
    bundler: DenoBundler, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.publish("tools", {"index.js": "export const it = 1;"})
    registry.stuck.clear()
    monkeypatch.setattr(bundling, "_DOWNLOAD_SECONDS", 0.5)
    with pytest.raises(UnavailableError, match=r"did not finish within 0\.5 s"):
        bundled(bundler, USE, "tools")


def test_a_saved_version_can_be_bundled_again_without_the_registry(
    bundler: DenoBundler, registry: Registry
) -> None:
    registry.publish("tools", {"index.js": "export const it = 1;"})
    first = bundled(bundler, USE, "tools")
    asked = len(registry.authorizations)

    assert bundled(bundler, USE, "tools", lock=first.lock) == first
    assert len(registry.authorizations) == asked


def test_the_token_of_a_private_registry_comes_from_the_caches_own_configuration(
    tmp_path: Path,
    program: Path,
    registry: Registry,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OUR_SECRET", "hunter2")
    registry.publish("tools", {"index.js": "export const it = 1;"})
    directory = with_program(tmp_path / "cache", like=program)
    for token, seen in (("abc", "Bearer abc"), ("${OUR_SECRET}", None)):
        registry.authorizations.clear()
        place = f"//127.0.0.1:{registry.port}/:_authToken={token}\n"
        (directory / ".npmrc").write_text(place, encoding="utf-8")
        for answer in directory.rglob("registry.json"):
            answer.unlink()
        bundled(DenoBundler(directory, environment=environment), USE, "tools")
        if seen:
            assert seen in registry.authorizations
        # Nothing of our environment is there to be put in.
        assert not any("hunter2" in (header or "") for header in registry.authorizations)


def test_of_the_environment_only_the_way_to_the_registry_is_passed_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = {"HTTPS_PROXY": "http://proxy:1", "npm_config_registry": "http://mirror/"}
    for name, value in {**passed, "NPM_TOKEN": "hunter2", "DATABASE_URL": "hunter2"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NPM_CONFIG_REGISTRY", raising=False)

    environment = registry_environment()

    assert environment["HTTPS_PROXY"] == "http://proxy:1"
    assert environment["NPM_CONFIG_REGISTRY"] == "http://mirror/"
    assert "hunter2" not in environment.values()


def test_several_scripts_can_be_bundled_at_once(
    tmp_path: Path, program: Path, registry: Registry, environment: dict[str, str]
) -> None:
    directory = with_program(tmp_path / "cache", like=program)
    for number in range(4):
        registry.publish(f"tools{number}", {"index.js": f"export const it = {number};"})

    def one(number: int) -> str:
        bundler = DenoBundler(directory, environment=environment)
        name = f"tools{number}"
        return bundled(bundler, f"import {{ it }} from '{name}';", name).modules[name]

    with ThreadPoolExecutor(4) as threads:
        modules = list(threads.map(one, range(4)))

    assert all(f"var it = {number};" in text for number, text in enumerate(modules))


def test_a_process_killed_while_it_downloads_breaks_nothing(
    tmp_path: Path, program: Path, registry: Registry, environment: dict[str, str]
) -> None:
    directory = with_program(tmp_path / "cache", like=program)
    registry.publish("tools", {"index.js": "export const it = 1;"})
    asked = threading.Event()
    answer = registry.answer

    def slow(path: str) -> tuple[int, bytes]:
        asked.set()
        return answer(path)

    registry.answer = slow
    registry.stuck.clear()
    code = (
        "import sys; from pathlib import Path; from tests.script.bundles import bundled\n"
        "from analysis_sandbox.script.packages.bundling import DenoBundler\n"
        "bundler = DenoBundler(Path(sys.argv[1]), environment={'NPM_CONFIG_REGISTRY': sys.argv[2]})"
        "\nbundled(bundler, \"import { it } from 'tools';\", 'tools')"
    )
    process = subprocess.Popen([sys.executable, "-c", code, directory, registry.url])
    assert asked.wait(30)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    registry.stuck.set()

    bundle = bundled(DenoBundler(directory, environment=environment), USE, "tools")

    assert "var it = 1;" in bundle.modules["tools"]
    assert not (directory / "work").exists()


def test_a_cache_that_is_damaged_is_made_anew(tmp_path: Path, program: Path) -> None:
    directory = with_program(tmp_path / "cache", like=program)
    for path in (directory / "deno" / "dl").rglob("esbuild*"):
        if path.is_file():
            path.unlink()
            path.write_bytes(b"\x7fELF half of it")
            path.chmod(0o755)
    bundler = DenoBundler(directory, environment=registry_environment())

    bundle = bundled(bundler, "import { mean } from 'simple-statistics';", "simple-statistics")

    assert "function mean(" in bundle.modules["simple-statistics"]


def test_without_the_extra_the_error_names_import_and_command(
    bundler: DenoBundler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deno", None)
    with pytest.raises(MissingDependencyError, match=r"line 1: 'tools'") as caught:
        bundled(bundler, USE, "tools")
    assert caught.value.hint == "pip install 'analysis-sandbox[npm]'"


def test_a_script_without_imports_needs_neither_extra_nor_registry(
    bundler: DenoBundler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "deno", None)
    assert bundled(bundler, "export default {};").modules == {}
