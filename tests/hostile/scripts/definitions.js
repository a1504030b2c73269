// Hostile before anything runs: the top level of a module and what it declares.

// case: endless_top_level
// ends: TIME_LIMIT_EXCEEDED
// entry: describe
for (;;);
export default {};

// case: top_level_that_waits_for_ever
// ends: SCRIPT_ERROR
// says: a promise that nothing is going to settle
// entry: describe
await new Promise(() => {});
export default {};

// case: top_level_that_sleeps
// ends: TIME_LIMIT_EXCEEDED
// entry: describe
await new Promise((resolve) => setTimeout(resolve, 60e3));
export default {};

// case: top_level_that_fills_memory
// ends: MEMORY_LIMIT_EXCEEDED
// entry: describe
const all = []; for (;;) all.push({});
export default {};

// case: top_level_that_throws_nothing
// ends: SCRIPT_ERROR
// says: The script threw undefined
// entry: describe
throw undefined;
export default {};

// case: top_level_that_floods_the_log
// ends: LIMIT_EXCEEDED
// entry: describe
for (;;) console.log("x");
export default {};

// case: no_export
// gives: {"export": "missing", "value": null}
// entry: describe
export const other = 1;

// case: export_that_is_a_function
// gives: {"export": "function", "value": null}
// entry: describe
export default () => {};

// case: export_that_is_a_proxy_which_throws
// ends: SCRIPT_ERROR
// says: trap
// entry: describe
export default new Proxy({}, { ownKeys() { throw new Error("trap"); } });

// case: export_that_is_a_proxy_which_loops
// ends: TIME_LIMIT_EXCEEDED
// entry: describe
export default new Proxy({}, { get: (_, key) => { if (key !== "then") for (;;); }, ownKeys: () => ["a"], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) });

// case: getter_that_throws
// ends: SCRIPT_ERROR
// says: no title
// entry: describe
export default { get title() { throw new Error("no title"); } };

// case: getter_that_loops
// ends: TIME_LIMIT_EXCEEDED
// entry: describe
export default { get title() { for (;;); } };

// case: cyclic_definition
// ends: SCRIPT_ERROR
// says: The definition refers to itself
// entry: describe
const definition = { title: "x" }; definition.self = definition;
export default definition;

// case: ten_megabytes
// ends: RESULT_TOO_LARGE
// limits: {"memory_mb": 64, "result_size_mb": 4}
// entry: describe
export default { title: "x".repeat(10 << 20) };

// case: functions_are_only_marked
// gives: {"export": "object", "value": {"run": "\ue000function", "parameters": {"p": {"options": "\ue000function"}}}}
// entry: describe
export default { run() { for (;;); }, parameters: { p: { options: () => { for (;;); } } } };

// case: thenable_definition
// gives: {"export": "object", "value": {"title": "x", "then": "\ue000function"}}
// entry: describe
export default { title: "x", then(resolve) { resolve({ title: "forged" }); } };

// case: host_calls_at_the_top_level
// ends: SCRIPT_ERROR
// says: ctx is not defined
// entry: describe
const rows = await ctx.duckdb.query("SELECT 1");
export default { rows };

// case: run_that_is_a_proxy
// gives: {"n": 1}
export default { run: new Proxy(() => ({ n: 1 }), {}) };

// case: run_that_is_a_getter_which_loops
// ends: TIME_LIMIT_EXCEEDED
export default { get run() { for (;;); } };

// case: run_that_is_a_class
// ends: SCRIPT_ERROR
// says: class constructors must be invoked with 'new'|without new
export default { run: class {} };

// case: syntax_nested_too_deep
// ends: SCRIPT_ERROR
// entry: describe
export default { title: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[ };

// case: module_that_imports_its_own_export
// ends: SCRIPT_ERROR
// entry: describe
export { default } from "monthly_report.js";
