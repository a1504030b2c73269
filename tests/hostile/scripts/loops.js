// Loops and recursion that never end, and the corners of the language that can hold them.

// case: while_true
// ends: TIME_LIMIT_EXCEEDED
while (true) {}

// case: for_without_condition
// ends: TIME_LIMIT_EXCEEDED
for (;;) Math.sqrt(2);

// case: do_while
// ends: TIME_LIMIT_EXCEEDED
do { params.seen = 1; } while (params.seen);

// case: labelled_continue
// ends: TIME_LIMIT_EXCEEDED
outer: for (;;) { for (;;) continue outer; }

// case: array_that_grows_under_its_loop
// ends: TIME_LIMIT_EXCEEDED
const queue = [1]; for (const item of queue) { queue.shift(); queue.push(item, item); queue.length = 2; if (item === 2) break; queue[1] = 1; queue.unshift(0); queue.length = 1; }
for (;;) {}

// case: infinite_generator
// ends: TIME_LIMIT_EXCEEDED
function* forever() { for (;;) yield 1; }
for (const _ of forever()) {}

// case: generator_that_delegates_to_itself
// ends: SCRIPT_ERROR
// says: stack size exceeded
function* again() { yield* again(); }
return { first: again().next() };

// case: iterator_without_end
// ends: TIME_LIMIT_EXCEEDED
const endless = { [Symbol.iterator]: () => ({ next: () => ({ done: false, value: 1 }) }) };
return { last: Math.max(...(function* () { for (const _ of endless); })()) };

// case: iterator_whose_return_loops
// ends: TIME_LIMIT_EXCEEDED
const it = { [Symbol.iterator]: () => ({ next: () => ({ value: 1 }), return() { for (;;); } }) };
for (const _ of it) break;
return {};

// case: plain_recursion
// ends: SCRIPT_ERROR
// says: Maximum call stack size exceeded
const down = () => down() + 1;
return { n: down() };

// case: mutual_recursion
// ends: SCRIPT_ERROR
// says: Maximum call stack size exceeded
const even = (n) => odd(n + 1), odd = (n) => even(n + 1);
return { n: even(0) };

// case: recursion_that_catches_its_overflow
// ends: TIME_LIMIT_EXCEEDED
function burn() { try { burn(); } catch { burn(); } finally { burn(); } }
burn();

// case: getter_that_reads_itself
// ends: SCRIPT_ERROR
// says: Maximum call stack size exceeded
const loop = { get self() { return this.self; } };
return { n: loop.self };

// case: getter_that_loops
// ends: TIME_LIMIT_EXCEEDED
const trap = { get value() { for (;;); } };
return { n: trap.value };

// case: to_string_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { text: `${{ toString() { for (;;); } }}` };

// case: value_of_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { sum: 1 + { valueOf() { for (;;); } } };

// case: to_primitive_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { date: new Date({ [Symbol.toPrimitive]() { for (;;); } }) };

// case: comparator_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { sorted: [3, 1, 2].sort(() => { for (;;); }) };

// case: comparator_that_lies_over_a_large_array
// ends: TIME_LIMIT_EXCEEDED
const items = Array.from({ length: 1e5 }, (_, i) => i);
for (;;) items.sort(() => Math.random() - 0.5);

// case: sort_over_an_array_like_proxy
// ends: TIME_LIMIT_EXCEEDED
Array.prototype.sort.call(new Proxy({}, { get: (_, key) => (key === "length" ? 2 ** 31 : 1), has: () => true }));

// case: to_json_that_loops
// ends: TIME_LIMIT_EXCEEDED
JSON.stringify({ toJSON() { for (;;); } });

// case: to_json_that_answers_with_itself_anew
// ends: SCRIPT_ERROR
// says: stack size exceeded|nested|circular|too
const grow = () => ({ toJSON: () => ({ next: grow() }) });
JSON.stringify(grow());
return {};

// case: reviver_that_loops
// ends: TIME_LIMIT_EXCEEDED
JSON.parse('{"a": 1}', () => { for (;;); });

// case: reviver_that_grows_its_holder
// ends: SCRIPT_ERROR
// says: stack size exceeded
JSON.parse("[0, 0]", function (key, value) { this[1] = [0, 0]; return value; });

// case: proxy_trap_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { has: "x" in new Proxy({}, { has() { for (;;); } }) };

// case: proxy_own_keys_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { keys: Object.keys(new Proxy({}, { ownKeys() { for (;;); } })) };

// case: proxy_as_its_own_prototype
// ends: SCRIPT_ERROR
// says: stack size exceeded
const mirror = new Proxy({}, { getPrototypeOf: () => mirror, get: (target, key) => mirror[key] });
return { x: mirror.anything };

// case: instanceof_a_prototype_without_end
// ends: TIME_LIMIT_EXCEEDED
const ring = new Proxy({}, { getPrototypeOf: () => ring });
return { is: ring instanceof Map };

// case: for_in_over_a_prototype_without_end
// ends: TIME_LIMIT_EXCEEDED
const chain = new Proxy({}, { getPrototypeOf: () => chain, ownKeys: () => [] });
for (const _ in chain);
for (;;) {}

// case: replace_callback_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { text: "abc".replace(/b/, () => { for (;;); }) };

// case: regexp_exec_that_never_fails
// ends: TIME_LIMIT_EXCEEDED
const pattern = /x/g;
pattern.exec = () => ({ index: 0, 0: "", length: 1 });
return { text: "abc".replace(pattern, "y") };

// case: match_all_with_a_sticky_index
// ends: TIME_LIMIT_EXCEEDED
const sticky = /b/g;
for (let found; (found = sticky.exec("abc")); sticky.lastIndex = 0);
for (;;) {}

// case: species_that_loops
// ends: TIME_LIMIT_EXCEEDED
class Odd extends Array { static get [Symbol.species]() { for (;;); } }
new Odd(1, 2, 3).map((x) => x);

// case: constructor_that_loops
// ends: TIME_LIMIT_EXCEEDED
new (class { field = (() => { for (;;); })(); })();

// case: destructuring_an_endless_source
// ends: TIME_LIMIT_EXCEEDED
const { a = (() => { for (;;); })() } = {};

// case: template_tag_that_loops
// ends: TIME_LIMIT_EXCEEDED
const tag = () => { for (;;); };
tag`x`;

// case: array_from_a_length_that_lies
// ends: TIME_LIMIT_EXCEEDED
Array.prototype.every.call({ length: 2 ** 53 - 1 }, () => true);
for (;;) {}

// case: sparse_array_of_four_billion
// ends: TIME_LIMIT_EXCEEDED
const sparse = []; sparse[2 ** 32 - 2] = 1;
sparse.forEach(() => 0); sparse.map(String); for (;;) sparse.indexOf(2);

// case: date_setter_that_loops
// ends: TIME_LIMIT_EXCEEDED
new Date(0).setHours({ valueOf() { for (;;); } });

// case: bound_function_chain
// ends: MEMORY_LIMIT_EXCEEDED
let bound = () => 1;
for (let i = 0; i < 1e5; i++) bound = bound.bind(null);
return { n: bound() };

// case: host_calls_without_end
// ends: TIME_LIMIT_EXCEEDED
for (;;) await ctx.duckdb.query("SELECT 1");

// case: synchronous_host_calls_without_end
// ends: TIME_LIMIT_EXCEEDED
for (;;) ctx.metadata.has("key");

// case: should_stop_asked_for_ever
// ends: TIME_LIMIT_EXCEEDED
while (!ctx.shouldStop());
