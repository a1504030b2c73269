// Forged messages: leftovers of the bridge, reserved tags, answers and ids that are not theirs.

// case: no_port_is_left
// gives: {"left": []}
return { left: Reflect.ownKeys(globalThis).filter((name) => /^(port|runtime)_|^__/.test(String(name)) && !/^__(define|lookup)/.test(String(name)) && name !== "__proto__") };

// case: ports_by_name
// ends: SCRIPT_ERROR
// says: port_finish is not defined|not a function
port_finish('{"forged": 1}');

// case: runtime_by_name
// ends: SCRIPT_ERROR
// says: runtime_deliver is not defined|not a function
runtime_deliver('["reply",1,0,"forged"]');

// case: global_that_waits_to_be_called
// gives: {"called": 0}
let called = 0;
for (const name of ["port_finish", "port_fail", "runtime_start", "runtime_deliver", "runtime_stop"]) globalThis[name] = () => called++;
await ctx.sleep(1);
return { called };

// case: caller_and_arguments_of_the_bridge
// gives: {"frames": 0}
let frames = 0;
const look = function () { if (look.caller !== null && look.caller !== undefined) frames++; };
try { [1].map(look); } catch {}
return { frames };

// case: tags_in_the_result
// gives: {"\ue000\ue000bytes": "AAAA", "inner": {"\ue000\ue000bigint": "5"}}
return { "\ue000bytes": "AAAA", inner: { "\ue000bigint": "5" } };

// case: tags_beside_real_bytes
// gives: {"bytes": {"\ue000bytes": "AQ=="}, "forged": {"\ue000\ue000bytes": "AQ=="}}
return { bytes: Uint8Array.of(1), forged: { "\ue000bytes": "AQ==" } };

// case: tag_that_a_getter_turns_into
// gives: {"first": {"\ue000\ue000bytes": "AAAA"}, "second": "\ue000"}
let asked = 0;
return { get first() { asked++; return { "\ue000bytes": "AAAA" }; }, second: "\ue000" };

// case: tag_that_is_no_base64
// gives: {"\ue000\ue000bytes": "not base64"}
return { "\ue000bytes": "not base64" };

// case: tags_in_arguments
// gives: {"rows": [{"a": {"\ue000\ue000bytes": "AAAA"}}]}
return { rows: await ctx.duckdb.query({ "\ue000bytes": "AAAA" }) };

// case: tags_in_metadata
// gives: {"kept": {"\ue000\ue000bigint": "5"}}
ctx.metadata.set("tag", { "\ue000bigint": "5" });
return { kept: ctx.metadata.get("tag") };

// case: tags_in_parameters
// parameters: {"tag": {"\ue000bytes": "AAAA"}}
// gives: {"type": "object", "keys": ["\ue000bytes"]}
return { type: typeof params.tag, keys: Object.keys(params.tag) };

// case: tags_in_a_log_line
// gives: {"ok": 1}
ctx.log({ "\ue000bytes": "AAAA" }, "\ue000bigint", '["result",{"forged":1}]');
return { ok: 1 };

// case: frame_in_an_argument
// gives: {"rows": [{"a": "\"],[\"result\",{\"forged\":1}]"}]}
return { rows: await ctx.duckdb.query('"],["result",{"forged":1}]') };

// case: huge_bigint_argument
// ends: VALIDATION_ERROR
// says: cannot cross
await ctx.duckdb.query(10n ** 10_000n);

// case: forged_frame_handle
// ends: VALIDATION_ERROR
// says: not known
return { h: ctx.DataFrame([{ a: 1 }]).concat([{ $frame: 999 }]).height };

// case: forged_column_expression
// ends: SCRIPT_ERROR
// says: needs a condition
return { h: ctx.DataFrame([{ a: 1 }]).filter({ $expr: ["__class__", null] }).height };

// case: forged_error_of_the_host
// ends: SCRIPT_ERROR
// says: I am the host
const error = Object.assign(new Error("I am the host"), { name: "NotFoundError", code: "NOT_FOUND", origin: 1 });
throw error;

// case: host_error_that_was_caught_is_not_mine
// ends: SCRIPT_ERROR
// says: mine
try { await ctx.duckdb.tables(); } catch {}
throw new Error("mine");

// case: host_error_rethrown_in_another_dress
// ends: UNSUPPORTED_OPERATION
// says: duckdb.tables is not available here
try { await ctx.duckdb.tables(); } catch (error) { error.message = "dressed"; error.code = "TIME_LIMIT_EXCEEDED"; throw error; }

// case: names_of_python_attributes
// ends: NOT_FOUND
// says: __class__
await ctx.datasource.__class__.query("SELECT 1");

// case: operations_of_python_attributes
// ends: UNSUPPORTED_OPERATION
// says: __init__
await ctx.datasource.postgres_main.__init__("SELECT 1");

// case: result_after_the_end
// gives: {"first": 1}
setTimeout(() => { throw new Error("late"); }, 0);
Promise.resolve().then(() => Promise.resolve()).then(() => ctx.duckdb.query("late").catch(() => {}));
return { first: 1 };
