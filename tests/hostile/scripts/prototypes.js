// Intrinsics that a script patches before the bridge needs them: it may only hurt itself.

// case: json
// gives: {"rows": [{"a": "s"}], "kept": 1}
JSON.parse = () => ({ forged: true }); JSON.stringify = () => "forged";
ctx.metadata.set("k", { v: 1 });
return { rows: await ctx.duckdb.query("s"), kept: ctx.metadata.get("k").v };

// case: reflect_and_object
// gives: {"rows": [{"a": "s"}]}
for (const name of Object.getOwnPropertyNames(Reflect)) Reflect[name] = null;
Object.keys = Object.freeze = Object.assign = Object.defineProperty = Object.create = null;
return { rows: await ctx.duckdb.query("s") };

// case: map_and_weak_map
// gives: {"rows": [{"a": "s"}]}
for (const name of ["get", "set", "has", "delete", "forEach"]) Map.prototype[name] = WeakMap.prototype[name] = () => { throw 1; };
return { rows: await ctx.duckdb.query("s") };

// case: array_methods_and_iterator
// gives: {"rows": [{"a": "s"}]}
for (const name of ["push", "map", "join", "slice", "splice", "indexOf", "forEach"]) Array.prototype[name] = () => { throw 1; };
Array.prototype[Symbol.iterator] = () => { throw 1; }; Array.isArray = () => false;
return { rows: await ctx.duckdb.query("s") };

// case: array_iterator_next
// gives: {"rows": [{"a": "s"}]}
Object.getPrototypeOf([][Symbol.iterator]()).next = () => ({ done: false, value: "forged" });
return { rows: await ctx.duckdb.query("s") };

// case: array_indices_on_the_prototype
// ends: SCRIPT_ERROR
// says: The script threw 1
for (const key of [0, 1, 2]) Object.defineProperty(Array.prototype, key, { set() { throw 1; }, get: () => "forged", configurable: true });
return { rows: await ctx.duckdb.query("s") };

// case: array_species
// gives: {"rows": [{"a": "s"}]}
Object.defineProperty(Array, Symbol.species, { get() { throw 1; } });
return { rows: await ctx.duckdb.query("s") };

// case: array_to_json
// gives: {"rows": [{"a": "s"}]}
Array.prototype.toJSON = () => 5;
const rows = await ctx.duckdb.query("s");
delete Array.prototype.toJSON;
return { rows };

// case: object_to_json
// gives: {"seen": null}
Object.prototype.toJSON = () => "forged";
const seen = ctx.metadata.get("nothing");
delete Object.prototype.toJSON;
return { seen };

// case: bigint_and_date_to_json
// gives: {"n": 5, "d": "1970-01-01T00:00:00.000Z"}
BigInt.prototype.toJSON = () => { throw 1; }; Date.prototype.toISOString = () => { throw 1; };
delete BigInt.prototype.toJSON; delete Date.prototype.toISOString;
return { n: 5n, d: "1970-01-01T00:00:00.000Z" };

// case: function_call_apply_bind
// gives: {"rows": [{"a": "s"}]}
Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => { throw 1; };
return { rows: await ctx.duckdb.query("s") };

// case: function_has_instance
// gives: {"a": {"b": 1}}
for (const kind of [Map, Set, Date, RegExp, Promise]) Object.defineProperty(kind, Symbol.hasInstance, { value: () => false });
return { a: { b: 1 } };

// case: string_methods
// gives: {"rows": [{"a": "s"}]}
for (const name of ["split", "indexOf", "slice", "replace", "toWellFormed", "charCodeAt"]) String.prototype[name] = () => { throw 1; };
return { rows: await ctx.duckdb.query("s") };

// case: string_methods_before_an_error
// ends: SCRIPT_ERROR
// says: the real reason
for (const name of ["split", "indexOf", "slice", "replace", "toWellFormed"]) String.prototype[name] = () => { throw 1; };
throw new Error("the real reason");

// case: symbol_split
// ends: SCRIPT_ERROR
// says: the real reason
Object.defineProperty(String.prototype, Symbol.split, { value: () => [null] });
throw new Error("the real reason");

// case: error_prepare_stack_trace
// ends: SCRIPT_ERROR
// says: the real reason
Error.prepareStackTrace = () => ({ split: null, length: -1 });
throw new Error("the real reason");

// case: error_prepare_stack_trace_that_throws
// gives: {"rows": [{"a": "s"}]}
Error.prepareStackTrace = () => { throw new Error("trap"); };
return { rows: await ctx.duckdb.query("s") };

// case: error_prepare_stack_trace_that_loops
// ends: TIME_LIMIT_EXCEEDED
Error.prepareStackTrace = () => { for (;;); };
await ctx.duckdb.query("s");

// case: error_stack_trace_limit
// ends: SCRIPT_ERROR
// says: the real reason
Error.stackTraceLimit = -1; throw new Error("the real reason");

// case: error_is_error
// ends: SCRIPT_ERROR
// says: the real reason
Error.isError = () => false; Error.prototype.toString = null; throw new Error("the real reason");

// case: error_members_on_the_prototype
// ends: SCRIPT_ERROR
// says: the real reason
for (const name of ["kind", "call", "code", "details", "hint"]) Object.defineProperty(Object.prototype, name, { get: () => "memory", set() {}, configurable: true });
throw new Error("the real reason");

// case: promise_then_that_does_nothing
// ends: SCRIPT_ERROR
// says: a promise that nothing is going to settle
Promise.prototype.then = () => {};
for (;;) await ctx.sleep(1);

// case: promise_then_that_loops
// ends: TIME_LIMIT_EXCEEDED
Promise.prototype.then = () => { for (;;); };
await { then: Promise.prototype.then };

// case: promise_statics
// gives: {"rows": [{"a": "s"}]}
Promise.resolve = Promise.reject = Promise.all = () => { throw 1; }; globalThis.Promise = null;
return { rows: await ctx.duckdb.query("s") };

// case: promise_species
// ends: SCRIPT_ERROR
// says: The script threw 1
Object.defineProperty(Promise, Symbol.species, { value: class { constructor() { throw 1; } } });
return { rows: await ctx.duckdb.query("s") };

// case: object_then
// gives: {"stolen": true}
Object.prototype.then = function (resolve) { delete Object.prototype.then; resolve({ stolen: true }); };
return { a: 1 };

// case: object_default
// ends: SCRIPT_ERROR
// says: no default export
Object.defineProperty(Object.prototype, "default", { value: { run: () => ({ forged: 1 }) } });
export const other = 1;

// case: object_run
// ends: SCRIPT_ERROR
// says: Analysis must return an object
Object.defineProperty(Object.prototype, "run", { value: () => "forged" });
export default {};

// case: typed_array_methods
// gives: {"bytes": {"\ue000bytes": "AQI="}}
Uint8Array.prototype.toBase64 = () => { throw 1; };
return { bytes: Uint8Array.of(1, 2) };

// case: array_buffer_has_instance
// ends: SCRIPT_ERROR
// says: Analysis must return an object
Object.defineProperty(ArrayBuffer, Symbol.hasInstance, { value: () => true });
return { a: { b: 1 } };

// case: number_and_math
// gives: {"slept": true}
globalThis.Number = globalThis.Math = globalThis.String = globalThis.Date = null;
await ctx.sleep(1);
ctx.log("still", { here: 1 });
return { slept: true };

// case: every_global_deleted
// gives: {"rows": [{"a": "s"}]}
for (const name of Reflect.ownKeys(globalThis)) try { delete globalThis[name]; } catch {}
return { rows: await ctx.duckdb.query("s") };

// case: every_prototype_emptied
// ends: SCRIPT_ERROR
// says: Analysis must return an object
const doomed = [Map, WeakMap, String, Function, Array, RegExp, Date, Number, Symbol, Promise];
const names = doomed.map((kind) => Reflect.ownKeys(kind.prototype));
for (let i = 0; i < doomed.length; i++)
  for (let k = 0; k < names[i].length; k++) try { delete doomed[i].prototype[names[i][k]]; } catch {}
return { ok: 1 };

// case: every_prototype_emptied_in_a_plain_function
// gives: {"ok": 1}
export default { run() {
  const doomed = [Map, WeakMap, String, Function, Array, RegExp, Date, Number, Symbol, Promise];
  const names = doomed.map((kind) => Reflect.ownKeys(kind.prototype));
  for (let i = 0; i < doomed.length; i++)
    for (let k = 0; k < names[i].length; k++) try { delete doomed[i].prototype[names[i][k]]; } catch {}
  return { ok: 1 };
} };

// case: promise_then_removed
// ends: SCRIPT_ERROR
// says: Analysis must return an object
delete Promise.prototype.then; return { ok: 1 };

// case: string_concat
// ends: SCRIPT_ERROR
// says: the real reason
String.prototype.concat = () => { throw new Error("forged"); }; throw new Error("the real reason");

// case: ctx_is_frozen
// ends: SCRIPT_ERROR
// says: read.only|not extensible|frozen
ctx.log = () => {}; return {};

// case: ctx_prototype
// gives: {"own": true, "polluted": "undefined"}
const got = await ctx.duckdb.query(JSON.parse('{"__proto__": {"polluted": 1}}'));
return { own: Object.hasOwn(got[0].a, "__proto__"), polluted: typeof {}.polluted };

// case: parameters_do_not_pollute
// parameters: {"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}
// gives: {"keys": ["__proto__", "constructor"], "polluted": "undefined"}
return { keys: Object.keys(params), polluted: typeof {}.polluted };

// case: typed_array_buffer
// ends: SCRIPT_ERROR
// says: The script threw 1
Object.defineProperty(Object.getPrototypeOf(Uint8Array).prototype, "buffer", { get() { throw 1; } });
return { bytes: Uint8Array.of(1, 2) };
