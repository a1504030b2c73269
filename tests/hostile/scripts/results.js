// Results that cannot be written down, that change while they are, or that want to be something else.

// case: cyclic
// ends: SCRIPT_ERROR
// says: The result refers to itself
const ring = {}; ring.ring = ring; return { ring };

// case: cyclic_through_to_json
// ends: SCRIPT_ERROR
// says: stack size exceeded|refers to itself
const ring = { toJSON: () => ({ ring }) }; return ring;

// case: eleven_megabytes
// ends: RESULT_TOO_LARGE
// says: ^Result size 11\.0MB exceeds 10MB limit
// limits: {"memory_mb": 128}
return { text: "x".repeat(11 << 20) };

// case: eleven_megabytes_of_escapes
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 128}
return { text: "\u0001".repeat(2 << 20) };

// case: eleven_megabytes_of_wide_text
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 128}
return { text: "€".repeat(4 << 20) };

// case: eleven_megabytes_of_bytes
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 128}
return { bytes: new Uint8Array(9 << 20) };

// case: one_byte_too_many
// ends: RESULT_TOO_LARGE
// says: 10\.0MB exceeds 10MB
// limits: {"memory_mb": 128}
return { t: "x".repeat((10 << 20) - 7) };

// case: the_last_byte_that_fits
// limits: {"memory_mb": 128, "result_size_mb": 0.0001}
// gives: {"t": "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}
return { t: "x".repeat(104 - 8) };

// case: result_that_needs_more_than_memory
// ends: MEMORY_LIMIT_EXCEEDED
const one = new Array(1000).fill("x".repeat(1000)); return { all: new Array(1000).fill(one) };

// case: a_million_keys
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 256}
const many = {}; for (let i = 0; i < 1e6; i++) many[`key${i}`] = i; return many;

// case: nested_beyond_two_hundred
// ends: SCRIPT_ERROR
// says: nested deeper than 200 levels
let deep = 1; for (let i = 0; i < 300; i++) deep = [deep]; return { deep };

// case: nested_beyond_every_parser
// ends: SCRIPT_ERROR
// says: nested deeper than 200 levels|stack size exceeded
let deep = 1; for (let i = 0; i < 3000; i++) deep = [deep]; return { deep };

// case: nested_beyond_the_stack
// ends: SCRIPT_ERROR
// says: stack size exceeded
let deep = 1; for (let i = 0; i < 1e5; i++) deep = { deep }; return { deep };

// case: bigint
// gives: {"small": 5, "large": "12345678901234567890", "negative": -9007199254740991}
return { small: 5n, large: 12345678901234567890n, negative: -9007199254740991n };

// case: symbols_and_functions_vanish
// gives: {"list": [null, null, 1]}
return { symbol: Symbol("x"), call() {}, list: [Symbol("x"), () => 1, 1], [Symbol("key")]: 1 };

// case: numbers_without_a_json_form
// gives: {"nan": null, "infinite": null, "minus_zero": 0}
return { nan: NaN, infinite: -Infinity, minus_zero: -0 };

// case: invalid_date
// gives: {"date": null}
return { date: new Date(NaN) };

// case: sparse_array
// gives: {"sparse": [null, null, 1]}
return { sparse: [, , 1] };

// case: sparse_array_of_four_billion
// ends: MEMORY_LIMIT_EXCEEDED
const sparse = []; sparse[2 ** 32 - 2] = 1; return { sparse };

// case: lone_surrogates
// gives: {"text": "a\ufffdb\ufffd", "\ufffd": 1, "escaped": "\\ud800", "pair": "\ud83d\ude00"}
return { text: "a\ud800b\udfff", "\udc00": 1, escaped: "\\ud800", pair: "\ud83d\ude00" };

// case: surrogate_halves_that_only_meet_outside
// gives: {"list": ["\ufffd", "\ufffd"], "back": "\ufffd\ufffd"}
return { list: ["\ud83d", "\ude00"], back: "\ude00\ud83d" };

// case: null_characters
// gives: {"text": "a\u0000b", "\u0000": 1}
return { text: "a\0b", "\0": 1 };

// case: getter_that_throws
// ends: SCRIPT_ERROR
// says: no value for you
return { get value() { throw new RangeError("no value for you"); } };

// case: getter_that_throws_undefined
// ends: SCRIPT_ERROR
// says: The script threw undefined
return { get value() { throw undefined; } };

// case: getter_that_changes_the_result
// gives: {"first": 1, "second": 2}
return { get first() { this.third = 3; return 1; }, second: 2 };

// case: getter_that_removes_what_follows
// gives: {"first": 1}
return { get first() { delete this.second; return 1; }, second: 2 };

// case: getter_that_answers_anew_each_time
// gives: {"n": 1}
let n = 0; return { get n() { return ++n; } };

// case: to_json_that_answers_a_text
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return { toJSON: () => "{}" };

// case: to_json_that_answers_an_array
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return { toJSON: () => [] };

// case: to_json_that_answers_nothing
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return { toJSON() {} };

// case: to_json_that_throws
// ends: SCRIPT_ERROR
// says: not as JSON
return { inner: { toJSON() { throw new Error("not as JSON"); } } };

// case: to_json_in_the_middle_of_things
// gives: {"a": {"forged": true}}
Object.prototype.toJSON = function () { return this.plain ? this : { a: { plain: 1, forged: true, toJSON: undefined }, plain: 1 }; };
const told = { a: { forged: true } };
Object.prototype.toJSON = undefined;
return told;

// case: proxy_as_result
// gives: {"a": 1}
return new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: (_, key) => (key === "a" ? 1 : undefined) });

// case: proxy_whose_keys_never_end
// ends: MEMORY_LIMIT_EXCEEDED
return new Proxy({}, { ownKeys: () => Array.from({ length: 1e7 }, (_, i) => `k${i}`) });

// case: proxy_that_answers_with_new_proxies
// ends: SCRIPT_ERROR
// says: stack size exceeded
const mirrors = () => new Proxy({}, { ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: (_, key) => (key === "a" ? mirrors() : undefined) });
return mirrors();

// case: revoked_proxy
// ends: SCRIPT_ERROR
// says: revoked
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return { proxy };

// case: revoked_proxy_as_result
// ends: SCRIPT_ERROR
// says: revoked
const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return (async () => proxy)();

// case: proxy_of_an_array
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return new Proxy([], {});

// case: array
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return [1];

// case: nothing
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return undefined;

// case: boxed_text_that_looks_like_an_object
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return new String("{}");

// case: raw_json
// ends: SCRIPT_ERROR
return JSON.rawJSON('{"forged": 1}');

// case: map_as_result
// ends: SCRIPT_ERROR
// says: Analysis must return an object
return new Map([["a", 1]]);

// case: map_inside
// ends: SCRIPT_ERROR
// says: a Map, which has no JSON form
return { map: new Map() };

// case: prototype_keys_stay_keys
// gives: {"__proto__": {"admin": true}, "constructor": 1, "hasOwnProperty": 2}
return JSON.parse('{"__proto__": {"admin": true}, "constructor": 1, "hasOwnProperty": 2}');

// case: null_prototype
// gives: {"a": 1}
return Object.assign(Object.create(null), { a: 1 });

// case: module_namespace_as_result
// ends: SCRIPT_ERROR
// says: not available|Cannot import|import
return await import("monthly_report.js");

// case: resized_buffer
// gives: {"bytes": {"\ue000bytes": "AAA="}}
const buffer = new ArrayBuffer(8, { maxByteLength: 16 }), view = new Uint8Array(buffer);
buffer.resize(2);
return { bytes: view };

// case: detached_buffer
// ends: SCRIPT_ERROR
// says: detached
const buffer = new ArrayBuffer(8), view = new Uint8Array(buffer);
buffer.transfer();
return { bytes: view };

// case: class_with_private_state
// gives: {"shown": 1}
return new (class { #hidden = 2; shown = 1; read() { return this.#hidden; } })();

// case: thrown_object
// ends: SCRIPT_ERROR
// says: The script threw
throw { code: "TIME_LIMIT_EXCEEDED", toString() { throw 1; } };

// case: thrown_proxy
// ends: SCRIPT_ERROR
// says: The script threw
throw new Proxy({}, { get() { throw 1; }, ownKeys() { throw 1; } });

// case: thrown_error_with_getters_that_throw
// ends: SCRIPT_ERROR
const error = new Error("x");
for (const key of ["name", "message", "stack", "cause"]) Object.defineProperty(error, key, { get() { throw 1; } });
throw error;

// case: thrown_error_with_getters_that_loop
// ends: TIME_LIMIT_EXCEEDED
throw Object.defineProperty(new Error("x"), "message", { get() { for (;;); } });

// case: thrown_function_whose_name_throws
// ends: SCRIPT_ERROR
// says: The script threw
throw Object.defineProperty(() => {}, "name", { get() { throw new Error("trap"); } });

// case: thrown_error_of_seventy_megabytes
// ends: SCRIPT_ERROR
// says: ^x{1000}
// limits: {"memory_mb": 256}
throw new Error("x".repeat(70 << 20));

// case: thrown_error_with_a_stack_beyond_memory
// ends: MEMORY_LIMIT_EXCEEDED
// limits: {"memory_mb": 128}
const error = new Error("x"); error.stack = "at x (y.js:1:1)\n".repeat(3e6); throw error;

// case: thrown_error_of_the_web
// ends: SCRIPT_ERROR
// says: could not be cloned
structuredClone(() => {});

// case: thrown_error_with_an_endless_cause
// ends: SCRIPT_ERROR
// says: outer
const outer = new Error("outer"); outer.cause = outer; throw outer;

// case: thrown_error_that_claims_a_limit
// ends: SCRIPT_ERROR
// says: mine
throw Object.assign(new Error("mine"), { name: "TimeLimitError", code: "TIME_LIMIT_EXCEEDED", kind: "time" });

// case: thrown_error_with_a_forged_stack
// ends: SCRIPT_ERROR
// says: forged
throw Object.assign(new Error("forged"), { stack: "at secret (/etc/passwd:1:1)\n\u001b[31m\ud800" });

// case: promise_inside
// ends: SCRIPT_ERROR
// says: await it
return { rows: Promise.resolve([]) };
