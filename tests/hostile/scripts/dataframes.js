// DataFrames: the host holds and calculates them, so they must hold as well as the sandbox.

// case: more_frames_than_there_may_be
// ends: LIMIT_EXCEEDED
// says: at most 10000
const frames = []; for (;;) frames.push(ctx.DataFrame([{ a: 1 }]));

// case: expression_that_doubles
// ends: SCRIPT_ERROR
// says: too many steps
let sum = col("a"); for (let i = 0; i < 40; i++) sum = sum.add(sum);
return { rows: ctx.DataFrame([{ a: 1 }]).withColumn("x", sum).collect() };

// case: expression_nested_too_deep
// ends: SCRIPT_ERROR
// says: too many steps
let sum = col("a"); for (let i = 0; i < 5000; i++) sum = sum.add(1);
return { rows: ctx.DataFrame([{ a: 1 }]).withColumn("x", sum).collect() };

// case: more_columns_than_there_may_be
// ends: LIMIT_EXCEEDED
// says: at most 10000 columns
// limits: {"memory_mb": 128}
return { n: ctx.DataFrame([Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`c${i}`, i]))]).height };

// case: padding_beyond_measure
// ends: VALIDATION_ERROR
// says: at most 10000
return { rows: ctx.DataFrame([{ a: "x" }]).withColumn("x", col("a").str.padStart(1e9)).collect() };

// case: numbers_beyond_measure
// ends: VALIDATION_ERROR
// says: at most
return { rows: ctx.DataFrame([{ a: 1 }]).head(1e20).collect() };

// case: window_beyond_measure
// ends: VALIDATION_ERROR
// says: at most
return { rows: ctx.DataFrame([{ a: 1 }]).withColumn("x", col("a").rollingMean(1e18)).collect() };

// case: offset_beyond_the_calendar
// ends: VALIDATION_ERROR
return { rows: ctx.DataFrame([{ a: "2020-01-01" }]).withColumn("x", col("a").str.toDate().dt.offsetBy("999999999999y")).collect() };

// case: format_that_cannot_be
// ends: VALIDATION_ERROR
// says: cannot format
return { rows: ctx.DataFrame([{ a: "2020-01-01" }]).withColumn("x", col("a").str.toDate().dt.format("%Q%")).collect() };

// case: pattern_that_would_explode_elsewhere
// gives: {"found": false}
return { found: ctx.DataFrame([{ a: "x".repeat(1e5) }]).withColumn("x", col("a").str.contains("(x+x+)+y")).collect()[0].x };

// case: callback_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { h: ctx.DataFrame([{ a: 1 }]).filter(() => { for (;;); }).height };

// case: callback_that_throws
// ends: SCRIPT_ERROR
// says: mine
return { h: ctx.DataFrame([{ a: 1 }]).filter(() => { throw new RangeError("mine"); }).height };

// case: callback_that_changes_its_rows
// gives: {"rows": [{"a": 1}, {"a": 2}]}
return { rows: ctx.DataFrame([{ a: 1 }, { a: 2 }]).filter((row) => { row.a = 9; row.b = 5; delete row.a; return true; }).collect() };

// case: callback_that_goes_on_with_its_own_frame
// gives: {"h": 1}
const frame = ctx.DataFrame([{ a: 1 }]);
return { h: frame.filter(() => frame.filter(() => frame.height === 1).height === 1).height };

// case: callback_that_recurses
// ends: SCRIPT_ERROR
// says: stack size exceeded
const again = () => ctx.DataFrame([{ a: 1 }]).filter(again).height;
return { h: again() };

// case: rows_with_a_getter_that_throws
// ends: SCRIPT_ERROR
// says: no cell
return { h: ctx.DataFrame([{ get a() { throw new TypeError("no cell"); } }]).height };

// case: rows_that_grow_while_read
// ends: MEMORY_LIMIT_EXCEEDED
const rows = [{ get a() { rows.push({ ...Object.getOwnPropertyDescriptor(rows, 0).value, b: 1 }); return 1; } }];
for (;;) rows.push({ a: [...rows] });

// case: rows_that_are_cyclic
// ends: SCRIPT_ERROR
// says: refers to itself
const row = {}; row.row = row; ctx.DataFrame([row]);

// case: columns_named_like_members
// gives: {"rows": [{"__proto__": 1, "constructor": 2, "get": 3}]}
return { rows: ctx.DataFrame([JSON.parse('{"__proto__": 1, "constructor": 2, "get": 3}')]).collect() };

// case: cells_that_look_like_frames
// gives: {"rows": [{"a": {"$frame": 1}}]}
return { rows: ctx.DataFrame([{ a: { $frame: 1 } }]).collect() };

// case: column_named_like_code
// ends: VALIDATION_ERROR
// says: Column '__import__
return { h: ctx.DataFrame([{ a: 1 }]).select(col("__import__('os').system('id')")).height };

// case: operators_without_end
// ends: TIME_LIMIT_EXCEEDED
const frame = ctx.DataFrame([{ a: 1 }]); for (;;) frame.filter(col("a").gt(0)).height;

// case: replacements_that_double
// ends: LIMIT_EXCEEDED
// says: could need .* MB of memory for one row; the run's frames may take 64\.0 MB
// limits: {"dataframe_memory_mb": 64}
let text = col("a"); for (let i = 0; i < 100; i++) text = text.str.replaceAll("x", "xx");
return { h: ctx.DataFrame([{ a: "x" }]).withColumn("a", text).height };

// case: replacement_of_every_character
// ends: LIMIT_EXCEEDED
// says: could need
// limits: {"dataframe_memory_mb": 64}
const long = "x".repeat(1e6);
return { h: ctx.DataFrame([{ a: long }]).withColumn("a", col("a").str.replaceAll("", long)).height };

// case: texts_that_double_step_by_step
// ends: LIMIT_EXCEEDED
// says: may take 64\.0 MB
// limits: {"dataframe_memory_mb": 64}
let frame = ctx.DataFrame([{ a: "x".repeat(1000) }]);
for (;;) frame = frame.withColumn("a", concatStr("a", "a"));

// case: plain_text_that_grows_without_rows
// ends: LIMIT_EXCEEDED
// says: could need
// limits: {"dataframe_memory_mb": 64}
const long = "x".repeat(1e6);
return { h: ctx.DataFrame([]).select(lit(long).str.replaceAll("x", long).alias("a")).height };

// case: padding_of_many_rows
// ends: LIMIT_EXCEEDED
// says: may take 64\.0 MB
// limits: {"dataframe_memory_mb": 64}
const rows = Array.from({ length: 50_000 }, () => ({ a: "x" }));
return { h: ctx.DataFrame(rows).withColumn("a", col("a").str.padEnd(10_000)).collect().length };

// case: cross_join_of_ten_billion_rows
// ends: LIMIT_EXCEEDED
// says: may take 64\.0 MB
// limits: {"dataframe_memory_mb": 64}
const rows = ctx.DataFrame(Array.from({ length: 100_000 }, (_, i) => ({ n: i })));
return { h: rows.join(rows, null, "cross").sort("n_right").height };

// case: join_where_all_keys_are_the_same
// ends: LIMIT_EXCEEDED
// says: may take 64\.0 MB
// limits: {"dataframe_memory_mb": 64}
const rows = ctx.DataFrame(Array.from({ length: 100_000 }, (_, i) => ({ k: 1, n: i })));
return { n: rows.join(rows, "k").collect().length };

// case: frame_below_itself_again_and_again
// ends: LIMIT_EXCEEDED
// says: may take 64\.0 MB
// limits: {"dataframe_memory_mb": 64}
let frame = ctx.DataFrame([{ a: "x".repeat(1000) }]); for (;;) frame = frame.concat(frame);

// case: pivot_into_many_cells
// ends: LIMIT_EXCEEDED
// says: pivot would make 50000 rows
// limits: {"dataframe_memory_mb": 64}
const rows = ctx.DataFrame(Array.from({ length: 50_000 }, (_, i) => ({ n: i, k: i % 900 })));
return { h: rows.pivot({ on: "k", index: "n", values: "n" }).height };

// case: texts_in_the_arrays_of_groups
// ends: LIMIT_EXCEEDED
// says: aggregate could need
// limits: {"dataframe_memory_mb": 64}
const rows = ctx.DataFrame(Array.from({ length: 50_000 }, (_, i) => ({ k: i % 2, a: "x" })));
return { h: rows.groupBy("k").agg(col("a").str.padEnd(10_000)).height };

// case: growth_within_the_limits
// gives: {"rows": 10000, "first": {"n": 0, "a": "1&amp;2", "m": 0}}
const rows = ctx.DataFrame(Array.from({ length: 100 }, (_, i) => ({ n: i, a: "1&2" })));
const all = rows.join(rows.select(col("n").alias("m")), null, "cross");
const clean = all.withColumn("a", col("a").str.replaceAll("&", "&amp;"));
return { rows: clean.height, first: clean.sort(["n", "m"]).head(1).collect()[0] };
