// What is worst for a whole installation: run through REST, many at once.

// case: loop
// ends: TIME_LIMIT_EXCEEDED
for (;;) {}

// case: loop_that_swallows
// ends: TIME_LIMIT_EXCEEDED
for (;;) { try { for (;;); } catch {} }

// case: host_calls_without_end
// ends: TIME_LIMIT_EXCEEDED
for (;;) await ctx.duckdb.query("SELECT 1");

// case: writes_of_metadata_without_end
// ends: TIME_LIMIT_EXCEEDED
for (let i = 0; ; i++) ctx.metadata.set("key", i);

// case: pattern
// ends: TIME_LIMIT_EXCEEDED
return { found: /(x+x+)+y/.test("x".repeat(60)) };

// case: builtin
// ends: TIME_LIMIT_EXCEEDED
return { text: `${new Array(1e9)}` };

// case: promise_that_never_settles
// ends: TIME_LIMIT_EXCEEDED
setInterval(() => {}, 50); await new Promise(() => {});

// case: microtasks
// ends: TIME_LIMIT_EXCEEDED
for (;;) await null;

// case: query_that_never_ends
// ends: TIME_LIMIT_EXCEEDED
return { rows: await ctx.duckdb.query("SELECT count(*) AS n FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3") };

// case: query_that_is_caught_and_repeated
// ends: TIME_LIMIT_EXCEEDED
for (;;) { try { await ctx.duckdb.query("SELECT count(*) AS n FROM range(1000000) a, range(1000000) b WHERE a.range * b.range % 7 = 3"); } catch {} }

// case: arrays
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new Array(1000).fill(1));

// case: calls_without_await
// ends: MEMORY_LIMIT_EXCEEDED
for (;;) ctx.duckdb.query("SELECT 1");

// case: buffers
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new ArrayBuffer(1 << 20));

// case: rows
// ends: MEMORY_LIMIT_EXCEEDED
// limits: {"memory_mb": 12}
return { rows: await ctx.duckdb.query("SELECT range AS a, range AS b, range AS c FROM range(200000)") };

// case: rows_beyond_a_result
// ends: RESULT_TOO_LARGE
return { rows: await ctx.duckdb.query("SELECT range AS a, range AS b, range AS c FROM range(1000000)") };

// case: rows_of_gigabytes
// ends: RESULT_TOO_LARGE
return { rows: await ctx.duckdb.query("SELECT repeat('x', 1000) AS text FROM range(10000000)") };

// case: result
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 128}
return { text: "x".repeat(11 << 20) };

// case: cyclic_result
// ends: SCRIPT_ERROR
// says: refers to itself
const ring = {}; ring.ring = ring; return { ring };

// case: result_with_everything_odd
// gives: {"text": "\ufffd\u0000", "tag": {"\ue000bytes": "AAAA"}, "n": null, "big": "12345678901234567890"}
return { text: "\ud800\0", tag: { "\ue000bytes": "AAAA" }, n: NaN, big: 12345678901234567890n };

// case: log_of_a_million_lines
// ends: LIMIT_EXCEEDED
// says: 10001 log lines; 10000 are allowed
for (let i = 0; i < 1e6; i++) ctx.log(`line ${i}`);

// case: log_that_steers
// gives: {"ok": 1}
// logs: [["info", "\u001b[2J\nforged \ufffd\ufffd"]]
ctx.log("\u001b[2J\nforged \0\ud800"); return { ok: 1 };

// case: progress_of_a_million_steps
// gives: {"ok": 1}
for (let i = 0; i < 1e5; i++) ctx.progress(i / 1e5, `step ${i}\0`); return { ok: 1 };

// case: large_metadata
// ends: LIMIT_EXCEEDED
// says: at most 262144
ctx.metadata.set("key", "x".repeat(257 * 1024)); return {};

// case: metadata_of_a_million_keys
// ends: LIMIT_EXCEEDED
// says: at most 262144
ctx.metadata.set("key", Object.fromEntries(Array.from({ length: 1e5 }, (_, i) => [`k${i}`, i]))); return {};

// case: metadata_under_a_long_key
// ends: LIMIT_EXCEEDED
// says: at most 512
ctx.metadata.set("k".repeat(10_000), 1); return {};

// case: metadata_with_a_null_character
// ends: VALIDATION_ERROR
// says: U\+0000
ctx.metadata.set("key", "a\0b"); return {};

// case: metadata_of_prototypes
// gives: {"kept": {"polluted": 1}, "polluted": "undefined"}
ctx.metadata.set("__proto__", JSON.parse('{"polluted": 1}'));
return { kept: ctx.metadata.get("__proto__"), polluted: typeof {}.polluted };

// case: analysis_that_is_not_declared
// ends: NOT_FOUND
// says: is not declared
const name = ["some", "other"].join("_"); await ctx.runAnalysis(name); return {};

// case: file_through_the_warehouse
// ends: STATEMENT_REFUSED
return { rows: await ctx.duckdb.query("SELECT * FROM read_text('/etc/passwd')") };

// case: copy_out_of_the_warehouse
// ends: STATEMENT_REFUSED
await ctx.duckdb.exec("COPY (SELECT 1) TO '/tmp/hostile.csv'"); return {};

// case: attach_another_database
// ends: STATEMENT_REFUSED
await ctx.duckdb.exec("ATTACH '/tmp/hostile.db' AS other"); return {};

// case: settings_of_the_warehouse
// ends: STATEMENT_REFUSED
await ctx.duckdb.exec("SET memory_limit = '1TB'"); return {};

// case: statement_nested_beyond_every_parser
// ends: STATEMENT_REFUSED
return { rows: await ctx.duckdb.query(`SELECT ${"(".repeat(50_000)}1${")".repeat(50_000)}`) };

// case: statement_of_five_megabytes
// ends: STATEMENT_REFUSED
// limits: {"memory_mb": 128}
return { rows: await ctx.duckdb.query(`SELECT ${"1 + ".repeat(1_200_000)} 1 AS n`) };

// case: eval
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
const key = ["construc", "tor"].join(""); return { n: (() => {})[key]("return 1")() };
