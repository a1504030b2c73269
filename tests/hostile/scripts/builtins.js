// One call of the engine that takes for ever or for everything, without a step between.

// case: join_of_a_billion_holes
// ends: TIME_LIMIT_EXCEEDED
return { text: new Array(1e9).join("") };

// case: a_billion_holes_as_text
// ends: TIME_LIMIT_EXCEEDED
return { text: `${new Array(1e9)}` };

// case: index_of_in_a_large_text
// ends: TIME_LIMIT_EXCEEDED
const text = "a".repeat(2e7), wanted = `${"a".repeat(1e7)}b`;
return { at: text.indexOf(wanted) };

// case: split_of_a_large_text
// ends: MEMORY_LIMIT_EXCEEDED
return { parts: "x".repeat(1e7).split("").length };

// case: repeat_of_two_gigabytes
// ends: SCRIPT_ERROR
// says: invalid repeat count|invalid string length
return { text: "x".repeat(2 ** 31) };

// case: repeat_beyond_memory
// ends: MEMORY_LIMIT_EXCEEDED
return { text: "x".repeat(2e8) };

// case: pad_end_beyond_memory
// ends: MEMORY_LIMIT_EXCEEDED
return { text: "x".padEnd(5e8, "abc") };

// case: sort_of_a_giant_array
// ends: TIME_LIMIT_EXCEEDED
const giant = new Float64Array(1e6);
for (;;) giant.map(() => Math.random()).sort();

// case: default_sort_turns_all_to_text
// ends: TIME_LIMIT_EXCEEDED
const numbers = Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 300_007);
for (;;) numbers.toSorted();

// case: bigint_power
// ends: TIME_LIMIT_EXCEEDED
for (;;) 3n ** 500_000n;

// case: bigint_power_beyond_measure
// ends: SCRIPT_ERROR
// says: BigInt is too large|maximum BigInt size
return { n: (2n ** 64n) ** (2n ** 40n) };

// case: bigint_to_text
// ends: TIME_LIMIT_EXCEEDED
for (;;) `${1n << 900_000n}`;

// case: bigint_from_text
// ends: TIME_LIMIT_EXCEEDED
const digits = "9".repeat(200_000);
for (;;) BigInt(digits);

// case: json_parse_of_deep_text
// ends: SCRIPT_ERROR
// says: stack size exceeded|stack overflow
return { deep: JSON.parse("[".repeat(1e6) + "]".repeat(1e6)) };

// case: json_stringify_of_a_deep_graph
// ends: SCRIPT_ERROR
// says: stack size exceeded|stack overflow
let deep = [];
for (let i = 0; i < 2e5; i++) deep = [deep];
return { text: JSON.stringify(deep) };

// case: structured_clone_of_a_deep_graph
// ends: SCRIPT_ERROR
// says: stack size exceeded|too deep
let nested = {};
for (let i = 0; i < 1e5; i++) nested = { nested };
structuredClone(nested);
return {};

// case: flat_of_a_deep_array
// ends: SCRIPT_ERROR
// says: stack size exceeded|stack overflow
let levels = [];
for (let i = 0; i < 2e5; i++) levels = [levels];
return { flat: levels.flat(Infinity).length };

// case: release_of_a_deep_list
// limits: {"memory_mb": 128}
// gives: {"ok": 1}
let list = null;
for (let i = 0; i < 3e5; i++) list = { list };
list = null;
return { ok: 1 };

// case: release_of_deep_closures
// gives: {"ok": 1}
let last = () => 1;
for (let i = 0; i < 1e5; i++) { const inner = last; last = () => inner; }
last = null;
return { ok: 1 };

// case: concat_doubling
// ends: MEMORY_LIMIT_EXCEEDED
let half = [1];
for (;;) half = half.concat(half);

// case: array_fill_of_the_longest_array
// ends: MEMORY_LIMIT_EXCEEDED
new Array(2 ** 32 - 1).fill(0);

// case: typed_array_fill_again_and_again
// ends: TIME_LIMIT_EXCEEDED
const bytes = new Uint8Array(3e7);
for (;;) bytes.fill(1).reverse();

// case: spread_of_a_million_arguments
// limits: {"memory_mb": 128}
// ends: SCRIPT_ERROR
// says: too many arguments|stack size exceeded|stack overflow
const many = new Array(1e6).fill(0);
return { max: Math.max(...many) };

// case: apply_with_a_length_that_lies
// ends: SCRIPT_ERROR
// says: too many arguments
return { max: Math.max.apply(null, { length: 2 ** 32 - 1 }) };

// case: normalise_a_large_text
// ends: TIME_LIMIT_EXCEEDED
const marks = "a\u0300\u0316".repeat(1e6);
for (;;) marks.normalize("NFC");

// case: normalise_marks_without_a_letter
// ends: TIME_LIMIT_EXCEEDED
return { n: "\u0300\u0316".repeat(1e6).normalize("NFD").length };

// case: url_encoding_of_a_large_text
// ends: MEMORY_LIMIT_EXCEEDED
return { n: encodeURIComponent("ü".repeat(1e7)).length };

// case: locale_compare_without_end
// ends: TIME_LIMIT_EXCEEDED
for (let i = 0; ; i++) `a${i}`.localeCompare(`b${i}`, "sv");

// case: compare_of_two_long_texts_by_locale
// ends: TIME_LIMIT_EXCEEDED
const tail = "ä".repeat(1e6);
return { order: new Intl.Collator("de").compare(`${tail}a`, `${tail}b`) };

// case: number_formats_without_end
// ends: TIME_LIMIT_EXCEEDED
for (let i = 0; ; i++) i.toLocaleString("de-DE", { minimumFractionDigits: 20 });

// case: buffer_index_of
// ends: TIME_LIMIT_EXCEEDED
return { at: Buffer.alloc(2e7, 97).indexOf(Buffer.from(`${"a".repeat(1e5)}b`)) };
