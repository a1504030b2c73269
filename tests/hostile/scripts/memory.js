// Bombs: whatever a heap can be filled with.

// case: arrays
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new Array(1000).fill(1));

// case: objects_with_ever_new_keys
// ends: MEMORY_LIMIT_EXCEEDED
const all = {}; for (let i = 0; ; i++) all[`key${i}`] = { i };

// case: texts
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push("x".repeat(1e5) + all.length);

// case: rope_that_doubles
// ends: MEMORY_LIMIT_EXCEEDED
let rope = "x"; for (;;) { rope += rope; if (rope.length > 2 ** 28) rope.charCodeAt(5); }

// case: rope_that_doubles_to_the_end
// ends: SCRIPT_ERROR
// says: string too long|invalid string length
let rope = "x"; for (;;) rope += rope;

// case: rope_of_a_million_pieces
// ends: MEMORY_LIMIT_EXCEEDED
let rope = ""; for (let i = 0; ; i++) rope += `piece ${i} of what is never going to end `;

// case: wide_text
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push("€".repeat(1e5) + all.length);

// case: one_buffer
// ends: MEMORY_LIMIT_EXCEEDED
return { n: new ArrayBuffer(5e8).byteLength };

// case: one_buffer_of_all_there_is
// ends: SCRIPT_ERROR
// says: invalid array buffer length|invalid array length|too large
return { n: new ArrayBuffer(2 ** 53 - 1).byteLength };

// case: resizable_buffer
// ends: MEMORY_LIMIT_EXCEEDED
const buffer = new ArrayBuffer(8, { maxByteLength: 2 ** 30 });
buffer.resize(2 ** 30);
return { n: buffer.byteLength };

// case: typed_arrays
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new Float64Array(10_000));

// case: shared_buffers
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new SharedArrayBuffer(1 << 20));

// case: map
// ends: MEMORY_LIMIT_EXCEEDED
const map = new Map(); for (let i = 0; ; i++) map.set(i, [i]);

// case: set
// ends: MEMORY_LIMIT_EXCEEDED
const set = new Set(); for (let i = 0; ; i++) set.add(`${i}`);

// case: weak_map_with_living_keys
// ends: MEMORY_LIMIT_EXCEEDED
const weak = new WeakMap(); let key = {}; for (;;) { const next = { key }; weak.set(next, [key]); key = next; }

// case: closures
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (let i = 0; ; i++) all.push(() => all[i]);

// case: generators
// ends: MEMORY_LIMIT_EXCEEDED
function* one() { yield 1; }
const all = []; for (;;) { const each = one(); each.next(); all.push(each); }

// case: registered_symbols
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (let i = 0; ; i++) all.push(Symbol.for(`symbol ${i}`));

// case: symbols_as_keys
// ends: MEMORY_LIMIT_EXCEEDED
const all = {}; for (;;) all[Symbol("x")] = 1;

// case: error_stacks
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new Error("x".repeat(100)));

// case: error_causes
// ends: MEMORY_LIMIT_EXCEEDED
let cause; for (;;) cause = new Error("x", { cause });

// case: rejected_promises
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) { const each = Promise.reject(1); each.catch(() => {}); all.push(each); }

// case: pending_promises
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new Promise(() => {}));

// case: classes
// ends: MEMORY_LIMIT_EXCEEDED
let Base = Object; for (;;) Base = class extends Base { field = 1; };

// case: proxies
// ends: MEMORY_LIMIT_EXCEEDED
let proxy = {}; for (;;) proxy = new Proxy(proxy, {});

// case: bigints
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (let i = 1n; ; i++) all.push((1n << 100_000n) + i);

// case: dates_and_patterns
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (let i = 0; ; i++) all.push(new Date(i), new RegExp(`a${i}`));

// case: intl_objects
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push({ text: new Intl.NumberFormat("en").format(all.length), pad: new Array(1000).fill(0) });

// case: log_text
// ends: MEMORY_LIMIT_EXCEEDED
let text = "x"; for (let i = 0; i < 27; i++) text += text; ctx.log(text, text, text);

// case: text_encoder
// ends: MEMORY_LIMIT_EXCEEDED
return { n: new TextEncoder().encode("€".repeat(1e7)).length };

// case: text_decoder
// ends: MEMORY_LIMIT_EXCEEDED
return { n: new TextDecoder().decode(new Uint8Array(3e7)).length };

// case: base64
// ends: MEMORY_LIMIT_EXCEEDED
return { n: btoa("x".repeat(1.5e7)).length };

// case: base64_back
// ends: MEMORY_LIMIT_EXCEEDED
return { n: atob("A".repeat(2e7)).length };

// case: buffer_concat
// ends: MEMORY_LIMIT_EXCEEDED
const half = Buffer.alloc(1e6); return { n: Buffer.concat(new Array(100).fill(half)).length };

// case: buffer_to_text
// ends: MEMORY_LIMIT_EXCEEDED
return { n: Buffer.alloc(2e7, 255).toString("hex").length };

// case: url_parts
// ends: MEMORY_LIMIT_EXCEEDED
return { n: new URL(`http://a/${"../x/".repeat(5e6)}`).href.length };

// case: url_host
// ends: MEMORY_LIMIT_EXCEEDED
return { n: new URL(`http://${"1.".repeat(2e6)}/`).host.length };

// case: url_query
// ends: MEMORY_LIMIT_EXCEEDED
return { n: [...new URLSearchParams("a=b&".repeat(1e6))].length };

// case: host_call_argument
// ends: MEMORY_LIMIT_EXCEEDED
await ctx.duckdb.query("x".repeat(2e7) + "y".repeat(1e7));
return {};

// case: host_calls_without_await
// ends: MEMORY_LIMIT_EXCEEDED
for (;;) ctx.duckdb.query("SELECT 1");

// case: host_answer
// ends: MEMORY_LIMIT_EXCEEDED
return { n: (await ctx.duckdb.query("many rows")).length };

// case: dataframe_rows
// ends: MEMORY_LIMIT_EXCEEDED
const rows = Array.from({ length: 1e6 }, (_, id) => ({ id, name: `row ${id}` }));
return { n: ctx.DataFrame(rows).height };

// case: array_join
// ends: MEMORY_LIMIT_EXCEEDED
const part = "x".repeat(1e5); return { n: new Array(1000).fill(part).join().length };

// case: replace_all_that_multiplies
// ends: MEMORY_LIMIT_EXCEEDED
return { n: "x".repeat(1e5).replaceAll("x", "y".repeat(1e4)).length };

// case: json_text
// ends: MEMORY_LIMIT_EXCEEDED
const row = { a: "x".repeat(1e6) }; return { n: JSON.stringify(new Array(100).fill(row)).length };

// case: deep_list
// ends: MEMORY_LIMIT_EXCEEDED
let list = null; for (;;) list = { list };

// case: top_level
// ends: MEMORY_LIMIT_EXCEEDED
const all = [];
for (;;) all.push({});
export default { run() {} };

// case: thrown_null_is_no_memory_error
// ends: SCRIPT_ERROR
// says: The script threw null
throw null;
