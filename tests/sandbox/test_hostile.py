"""Scripts that want out, want to hang, or want to lie. They may only hurt themselves."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from typing import Any

import pytest

from analysis_sandbox.errors import ScriptError
from analysis_sandbox.sandbox.supervisor import Sandbox
from tests.sandbox.conftest import Run, Value
from tests.sandbox.scripts import Host, Metadata, call

PATCHES = [
    "JSON.stringify = () => 'forged'; JSON.parse = () => ({ forged: true });",
    "Promise.prototype.constructor = function () {};",
    "Promise.resolve = Promise.reject = null; globalThis.Promise = null;",
    "Array.prototype[Symbol.iterator] = null; Array.prototype.push = Array.isArray = null;",
    "Map.prototype.get = Map.prototype.set = Map.prototype.delete = () => 'forged';",
    "WeakMap.prototype.get = () => 1; Map.prototype.forEach = null;",
    "String.prototype.split = String.prototype.indexOf = () => { throw 1 };",
    "Reflect.apply = Reflect.get = Reflect.defineProperty = null; globalThis.Reflect = null;",
    "Object.keys = Object.freeze = Object.assign = null; globalThis.Object = null;",
    "Error.prototype.toString = null; globalThis.Error = null; globalThis.TypeError = null;",
    "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null;",
    "Object.prototype.toJSON = () => { throw 1 }; delete Object.prototype.toJSON;",
    "Uint8Array.prototype.toBase64 = null; Uint8Array.fromBase64 = null; globalThis.BigInt = null;",
    "globalThis.console = null; globalThis.setTimeout = null; globalThis.performance = null;",
    "for (const k of Reflect.ownKeys(globalThis)) try { delete globalThis[k] } catch {}",
    "Object.defineProperty(Object.prototype, 'kind', { get() { return 'memory' }, set() {} });",
    "Number.prototype.toString = String.prototype.toString = BigInt.prototype.toString = null;",
    "RegExp.prototype.exec = null; Symbol.prototype.toString = null; Date.prototype.toJSON = null;",
]


@pytest.mark.parametrize("patch", PATCHES)
def test_patched_intrinsics_do_not_break_the_bridge(patch: str, host: Host, value: Value) -> None:
    host.asynchronous = {"duckdb.query": lambda sql, params: [{"a": sql}]}
    host.synchronous = Metadata().functions

    code = f"""{patch}
      export default {{ run(ctx, params) {{
        ctx.log("hello", {{ a: 1 }});
        ctx.metadata.set("k", {{ v: [1] }});
        const seen = ctx.metadata.get("k").v[0];
        return ctx.duckdb.query("s").then
          ? (async () => {{
              await ctx.sleep(1);
              return {{ seen, rows: await ctx.duckdb.query("s") }};
            }})()
          : null;
      }} }};"""
    got = value(code, limits={"timeout_ms": 5000})

    assert got == {"seen": 1, "rows": [{"a": "s"}]}
    assert host.lines[0] == ("info", 'hello {"a":1}')


# The language, or the engine in its own code, looks these up wherever it pleases.
SELF_DEFEATING = [
    "Promise.prototype.then = () => {};",
    "Promise.prototype.then = function () { throw new Error('no') };",
    "Promise.prototype.then = function () { for (;;); };",
    "Object.defineProperty(Promise, Symbol.species, { get() { throw 1 } });",
    "Object.defineProperty(Promise.prototype, 'constructor', { get() { throw 1 } });",
    "Object.defineProperty(Object.prototype, 'then', { get() { throw 1 } });",
    "Object.defineProperty(Array.prototype, 0, { set() { throw 1 }, get() { return 'forged' } });",
]


@pytest.mark.parametrize("patch", SELF_DEFEATING)
@pytest.mark.parametrize("place", ["top", "run"])
def test_broken_promises_end_the_run_soon(patch: str, place: str, run: Run) -> None:
    run_body = "await ctx.sleep(1); return { ok: 1 };"
    code = (
        f"{patch}\nexport default {{ async run(ctx) {{ {run_body} }} }};"
        if place == "top"
        else f"export default {{ async run(ctx) {{ {patch} {run_body} }} }};"
    )

    outcome = run(code, limits={"timeout_ms": 300})

    assert outcome.value == '{"ok":1}' or isinstance(outcome.error, ScriptError)


@pytest.mark.parametrize("patch", [*PATCHES, SELF_DEFEATING[-1]])
def test_patched_intrinsics_do_not_hide_an_error(patch: str, run: Run) -> None:
    outcome = run(f"{patch}\nnull.boom;\nexport default {{}};", limits={"timeout_ms": 5000})

    assert isinstance(outcome.error, ScriptError)
    assert "cannot read property 'boom' of null" in str(outcome.error)


@pytest.mark.parametrize(
    "body",
    [
        "Object.prototype.then = function (ok) { ok({ stolen: true }); }; return { a: 1 };",
        "Object.defineProperty(Object.prototype, 'then', { get() { for (;;); } }); return {};",
        "Object.prototype.toJSON = () => ({ forged: 1 }); return { a: 1 };",
        "return new Proxy({}, { ownKeys() { throw new Error('trap') } });",
        "return { get a() { throw new Error('getter') } };",
        "return { then(ok) { ok({ then: 5 }) } };",
        "return { then() {} };",
        "return { then() { throw new Error('then') } };",
        "const p = {}; p.p = p; return { p };",
        "return Object.create({ inherited: 1 });",
    ],
)
def test_odd_results_end_as_a_result_or_an_error(body: str, run: Run) -> None:
    outcome = run(body, limits={"timeout_ms": 300})

    assert (outcome.value is None) != (outcome.error is None)
    assert outcome.error is None or isinstance(outcome.error, ScriptError)


def test_one_run_leaves_nothing_for_the_next(value: Value, run: Run) -> None:
    run("globalThis.left = 1; Array.prototype.left = 1; Object.prototype.left = 1; return {};")

    assert value("return { g: typeof globalThis.left, a: typeof [].left };") == {
        "g": "undefined",
        "a": "undefined",
    }


def test_a_reserved_key_is_data_and_nothing_else(host: Host, value: Value) -> None:
    seen: list[Any] = []
    host.asynchronous = {"duckdb.query": lambda sql, params: seen.append(params)}

    body = r"""const data = { "\ue000bytes": "AAAA", "\ue000bigint": "5", "\ue000\ue000x": 1 };
      await ctx.duckdb.query("s", [data]); return { data };"""
    got = value(body)

    assert seen == [[{"\ue000bytes": "AAAA", "\ue000bigint": "5", "\ue000\ue000x": 1}]]
    assert got["data"] == {
        "\ue000\ue000bytes": "AAAA",
        "\ue000\ue000bigint": "5",
        "\ue000\ue000\ue000x": 1,
    }


def test_prototype_keys_are_data(host: Host, value: Value) -> None:
    host.asynchronous = {"duckdb.describe": lambda given: given}

    got = value(
        """const back = await ctx.duckdb.describe(JSON.parse('{"__proto__": {"x": 1}}'));
        return { own: Object.hasOwn(back, "__proto__"), x: typeof back.x };"""
    )

    assert got == {"own": True, "x": "undefined"}


def test_atomics_cannot_block_the_process(run: Run) -> None:
    body = """const cell = new Int32Array(new SharedArrayBuffer(4));
      Atomics.wait(cell, 0, 0, 60e3); return {};"""

    assert run(body, limits={"timeout_ms": 300}).error is not None


def test_many_hostile_scripts_at_once_do_not_disturb_an_honest_one(
    sandbox: Sandbox, host: Host
) -> None:
    bodies = [
        "for (;;);",
        "const a = []; for (;;) a.push(new Array(1000).fill(1));",
        "for (;;) ctx.log('x'.repeat(1000));",
        "for (;;) await ctx.sleep(0);",
    ]
    limits = {"timeout_ms": 700, "memory_mb": 32}
    running = [sandbox.start(call(body, limits=limits), host.functions) for body in bodies]

    assert sandbox.run(call("return { ok: 1 };"), Host().functions).value == '{"ok":1}'
    assert all(each.wait().error is not None for each in running)
