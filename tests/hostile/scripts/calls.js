// Host calls by the hundred thousand, too large, too late, of the wrong kind.

// case: a_hundred_thousand_calls_without_await
// ends: MEMORY_LIMIT_EXCEEDED
for (let i = 0; i < 100_000; i++) ctx.duckdb.query("s").catch(() => {});
return { ok: 1 };

// case: ten_thousand_calls_at_once
// limits: {"memory_mb": 256}
// gives: {"answers": 10000, "right": true}
const answers = await Promise.all(Array.from({ length: 10_000 }, (_, i) => ctx.duckdb.query(i)));
return { answers: answers.length, right: answers.every((rows, i) => rows[0].a === i) };

// case: calls_after_the_end
// gives: {"ok": 1}
Promise.resolve().then(async () => { for (;;) await ctx.duckdb.query("late").catch(() => {}); });
return { ok: 1 };

// case: argument_larger_than_a_frame
// limits: {"memory_mb": 256, "frame_mb": 1}
// ends: LIMIT_EXCEEDED
// says: duckdb.query may carry 1 MB at once, not 1\.1 MB
await ctx.duckdb.query("x".repeat(1_200_000));

// case: answer_larger_than_a_frame
// limits: {"memory_mb": 256, "frame_mb": 1}
// ends: LIMIT_EXCEEDED
// says: The answer of duckdb.query has
await ctx.duckdb.query("many rows");

// case: argument_nested_beyond_the_limit
// ends: VALIDATION_ERROR
// says: nested deeper than 200 levels
let deep = 1; for (let i = 0; i < 900; i++) deep = [deep];
await ctx.duckdb.query(deep);

// case: argument_nested_beyond_the_stack
// ends: SCRIPT_ERROR
// says: stack size exceeded
let deep = 1; for (let i = 0; i < 1e5; i++) deep = [deep];
await ctx.duckdb.query(deep);

// case: cyclic_argument
// ends: SCRIPT_ERROR
// says: An argument of duckdb.query refers to itself
const ring = {}; ring.ring = ring; await ctx.duckdb.query(ring);

// case: argument_whose_getter_calls_the_host
// gives: {"rows": [{"a": {"n": [{"a": "inner"}]}}]}
ctx.metadata.set("k", [{ a: "inner" }]);
return { rows: await ctx.duckdb.query({ get n() { return ctx.metadata.get("k"); } }) };

// case: argument_whose_getter_loops
// ends: TIME_LIMIT_EXCEEDED
await ctx.duckdb.query({ get n() { for (;;); } });

// case: argument_whose_to_json_asks_again
// ends: SCRIPT_ERROR
// says: stack size exceeded
const again = { toJSON() { ctx.metadata.set("k", again); } };
ctx.metadata.set("k", again);

// case: symbol_as_argument
// gives: {"rows": [{"a": null}]}
return { rows: await ctx.duckdb.query(Symbol("x")) };

// case: parameters_of_a_wrong_kind
// gives: {"rows": [{"a": "s"}]}
return { rows: await ctx.duckdb.query("s", () => {}) };

// case: function_that_the_host_does_not_have
// ends: UNSUPPORTED_OPERATION
// says: duckdb.tables is not available here
await ctx.duckdb.tables();

// case: datasource_that_was_not_declared
// ends: NOT_FOUND
// says: Datasource 'payroll' not found
await ctx.datasource.payroll.query("SELECT 1");

// case: datasource_names_in_a_loop
// ends: NOT_FOUND
for (const name of ["postgres_main", "__proto__", "admin"]) await ctx.datasource[name].query("SELECT 1");

// case: datasource_operation_that_is_not_offered
// ends: UNSUPPORTED_OPERATION
await ctx.datasource.postgres_main.dropEverything();

// case: answers_that_arrive_after_a_loop
// ends: TIME_LIMIT_EXCEEDED
for (let i = 0; i < 300; i++) ctx.duckdb.query(i).catch(() => {});
for (;;);

// case: random_bytes_in_excess
// ends: SCRIPT_ERROR
// says: 65536
crypto.getRandomValues(new Uint8Array(65_537));

// case: random_bytes_without_end
// ends: TIME_LIMIT_EXCEEDED
for (;;) crypto.getRandomValues(new Uint8Array(65_536));

// case: gzip_bomb
// ends: MEMORY_LIMIT_EXCEEDED
// limits: {"memory_mb": 48}
const bomb = ctx.utils.compress("\0".repeat(2e7), "gzip");
return { n: `${ctx.utils.decompress(Buffer.concat([bomb, bomb, bomb, bomb]), "gzip")}`.length };

// case: hash_by_the_name_of_an_attribute
// ends: VALIDATION_ERROR
// says: There is no hash '__class__'
return { hash: ctx.utils.hash("x", "__class__") };

// case: csv_of_quotes
// gives: {"rows": 0}
return { rows: ctx.utils.parseCSV('"'.repeat(1e6)).length };

// case: csv_with_keys_of_prototypes
// gives: {"rows": [{"__proto__": "1", "constructor": "2"}], "polluted": "undefined"}
return { rows: ctx.utils.parseCSV("__proto__,constructor\n1,2"), polluted: typeof {}.polluted };

// case: workbook_that_is_none
// ends: VALIDATION_ERROR
// says: workbook is damaged
return { rows: ctx.utils.parseExcel(Buffer.from("PK\x03\x04junk")) };

// case: csv_with_more_columns_than_any
// ends: LIMIT_EXCEEDED
// says: 16384
return { rows: ctx.utils.parseCSV("a,".repeat(20000) + "\n1").length };
