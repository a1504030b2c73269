// Options functions and shouldRun: small calls with a short limit and a ctx that only reads.

// case: options_that_loop
// ends: TIME_LIMIT_EXCEEDED
// entry: options
export default { parameters: { p: { options() { for (;;); } } } };

// case: options_that_never_settle
// ends: SCRIPT_ERROR
// says: a promise that nothing is going to settle
// entry: options
export default { parameters: { p: { options: () => new Promise(() => {}) } } };

// case: options_of_eleven_megabytes
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 128}
// entry: options
export default { parameters: { p: { options: () => ["x".repeat(11 << 20)] } } };

// case: options_behind_a_getter_that_throws
// ends: SCRIPT_ERROR
// says: trap
// entry: options
export default { get parameters() { throw new Error("trap"); } };

// case: options_that_are_cyclic
// ends: SCRIPT_ERROR
// says: refers to itself
// entry: options
export default { parameters: { p: { options() { const all = []; all.push(all); return all; } } } };

// case: options_that_write_metadata
// ends: READ_ONLY
// says: this code only reads
// entry: options
// facts: {"read_only": true}
export default { parameters: { p: { options(ctx) { ctx.metadata.set("k", 1); } } } };

// case: options_that_write_to_the_warehouse
// ends: READ_ONLY
// entry: options
// facts: {"read_only": true}
export default { parameters: { p: { options: (ctx) => ctx.duckdb.exec("DROP TABLE x") } } };

// case: options_that_run_an_analysis
// ends: READ_ONLY
// entry: options
// facts: {"read_only": true}
export default { parameters: { p: { options: (ctx) => ctx.runAnalysis("other") } } };

// case: options_of_a_parameter_named_like_a_member
// ends: SCRIPT_ERROR
// says: has no options function
// entry: options
export default { parameters: { constructor: {} } };

// case: should_run_that_loops
// ends: TIME_LIMIT_EXCEEDED
// entry: shouldRun
export default { schedule: { shouldRun() { for (;;); } } };

// case: should_run_that_answers_with_a_proxy
// gives: true
// entry: shouldRun
export default { schedule: { shouldRun: () => new Proxy({}, { get: (_, key) => { if (key !== "then") throw 1; } }) } };

// case: should_run_that_throws
// ends: SCRIPT_ERROR
// says: not today
// entry: shouldRun
export default { schedule: { shouldRun() { throw new Error("not today"); } } };
