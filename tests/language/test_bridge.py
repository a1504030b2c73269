# ruff: noqa: E501 - JavaScript is not wrapped as Python is
"""A script that breaks the language breaks itself: what comes from the host stays right."""

import json

import pytest

from analysis_sandbox.errors import ScriptError
from analysis_sandbox.execution.host import pure_host
from analysis_sandbox.limits import DEFAULT_LIMITS
from analysis_sandbox.sandbox.supervisor import HostFunctions, Sandbox, ScriptCall
from analysis_sandbox.values import JSONObject
from tests.language import sandboxed

_ROWS = [{"id": 1, "name": "a\ue000", "bytes": b"\x00\xff"}, {"id": 2, "name": None, "bytes": b""}]
_PATCH = """
// What await and the language's own promises look up, and the engine for each template literal:
// without it no script goes on.
const skipped = new Set(["constructor", "__proto__", "then", "concat", Symbol.species]);
const seen = new Set();
function patch(owner) {
  if (owner === null || owner === undefined || seen.has(owner)) return;
  seen.add(owner);
  for (const name of Reflect.ownKeys(owner)) {
    const { value, get, configurable } = Reflect.getOwnPropertyDescriptor(owner, name);
    if (!configurable || skipped.has(name)) continue;
    if (typeof value === "function" && !value.prototype) patches.push([owner, name, { value: how }]);
    else if (get !== undefined) patches.push([owner, name, { get: how }]);
  }
}
const how = HOW;
const patches = [];
const define = Reflect.defineProperty;
for (const name of Object.getOwnPropertyNames(globalThis)) {
  const value = globalThis[name];
  if (typeof value === "function") { patch(value); patch(value.prototype); }
  else if (typeof value === "object" && value !== globalThis && name !== "console") patch(value);
}
for (const sample of [[].values(), new Map().entries(), new Set().values(), (async () => {})(), ""[Symbol.iterator](), /a/g[Symbol.matchAll](""), function* () {}, async function* () {}]) {
  patch(Object.getPrototypeOf(sample));
  patch(Object.getPrototypeOf(Object.getPrototypeOf(sample)));
}
// Not with for-of: what it needs is patched on the way.
if (how !== null) for (let i = 0; i < patches.length; i++) define(patches[i][0], patches[i][1], patches[i][2]);
"""
_THROWING = '() => { throw new TypeError("patched"); }'
_LYING = "() => undefined"


def query(*_arguments: object) -> object:
    return _ROWS


def kept(_key: str) -> object:
    return {"kept": 1}


def call(sandbox: Sandbox, how: str) -> object:
    stored: dict[str, object] = {}
    pure = pure_host(DEFAULT_LIMITS, log=lambda _level, _message: None)
    host = HostFunctions(
        asynchronous={"duckdb.query": query},
        synchronous={**pure.synchronous, "metadata.set": stored.__setitem__, "metadata.get": kept},
        log=pure.log,
    )
    code = f"""
    export default {{ async run(ctx) {{
      {_PATCH.replace("HOW", how)}
      const patched = patches.length;
      const rows = await ctx.duckdb.query("select 1");
      ctx.metadata.set("key", {{ a: 1, n: 5 }});
      const kept = ctx.metadata.get("key");
      return {{ id: rows[0].id, name: rows[0].name, size: rows[0].bytes[1], second: rows[1].id, kept, patched }};
    }} }};"""
    facts: JSONObject = {"run_id": "1", "analysis_id": "a", "version": 1, "attempt": 1}
    outcome = sandbox.run(
        ScriptCall(
            code=code,
            filename="patch.js",
            entry="run",
            parameters={},
            context=facts | {"schedule": None, "datasources": {}, "read_only": False},
        ),
        host,
    )
    if outcome.error is not None:
        raise outcome.error
    assert stored == {"key": {"a": 1, "n": 5}}
    return json.loads(outcome.value or "")


@pytest.mark.parametrize("how", [_THROWING, _LYING], ids=["throwing", "lying"])
def test_host_calls_stay_right_when_every_intrinsic_is_patched(how: str, sandbox: Sandbox) -> None:
    got = call(sandbox, how)

    assert isinstance(got, dict)
    assert got.pop("patched") > 500
    assert got == {"id": 1, "name": "a\ue000", "size": 255, "second": 2, "kept": {"kept": 1}}


@pytest.mark.parametrize("how", [_THROWING, _LYING], ids=["throwing", "lying"])
def test_a_script_that_patches_promises_hurts_itself_only(how: str, sandbox: Sandbox) -> None:
    code = f"const how = {how}; Promise.prototype.then = how; return {{ ok: 1 }};"

    with pytest.raises(ScriptError):
        sandboxed.run(sandbox, f"export default {{ run: async () => {{ {code} }} }};")


def test_the_next_call_knows_nothing_of_it(sandbox: Sandbox) -> None:
    assert call(sandbox, "null") == call(sandbox, "null")
