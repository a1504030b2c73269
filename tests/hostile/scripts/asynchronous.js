// Promises, microtasks and timers that never let the run come to rest.

// case: promise_that_never_settles
// ends: TIME_LIMIT_EXCEEDED
setInterval(() => {}, 10);
await new Promise(() => {});

// case: promise_that_nothing_can_settle
// ends: SCRIPT_ERROR
// says: a promise that nothing is going to settle
await new Promise(() => {});

// case: await_null_for_ever
// ends: TIME_LIMIT_EXCEEDED
for (;;) await null;

// case: resolved_promises_for_ever
// ends: TIME_LIMIT_EXCEEDED
const again = () => Promise.resolve().then(again);
await again();

// case: microtasks_that_queue_microtasks
// ends: TIME_LIMIT_EXCEEDED
queueMicrotask(function next() { queueMicrotask(next); });
await ctx.sleep(60e3);

// case: microtask_storm_that_doubles
// ends: MEMORY_LIMIT_EXCEEDED
const burst = () => { queueMicrotask(burst); queueMicrotask(burst); };
burst();
await ctx.sleep(60e3);

// case: timeouts_that_set_timeouts
// ends: TIME_LIMIT_EXCEEDED
setTimeout(function next() { setTimeout(next, 0); }, 0);
await new Promise(() => {});

// case: interval_without_end
// ends: TIME_LIMIT_EXCEEDED
setInterval(() => {}, 0);
await new Promise(() => {});

// case: immediates_without_end
// ends: TIME_LIMIT_EXCEEDED
setImmediate(function next() { setImmediate(next); });
await new Promise(() => {});

// case: timeout_callback_that_loops
// ends: TIME_LIMIT_EXCEEDED
setTimeout(() => { for (;;); }, 1);
await new Promise(() => {});

// case: timeout_with_a_text
// ends: SCRIPT_ERROR
// says: setTimeout needs a function
setTimeout("globalThis.pwned = true", 0);

// case: timeout_storm
// ends: MEMORY_LIMIT_EXCEEDED
for (;;) setTimeout(() => {}, 1e8);

// case: timeouts_set_and_cleared_without_end
// limits: {"memory_mb": 8, "frame_mb": 1}
// ends: MEMORY_LIMIT_EXCEEDED
for (;;) clearTimeout(setTimeout(() => {}, 1e8));

// case: sleeps_without_await
// ends: MEMORY_LIMIT_EXCEEDED
for (;;) ctx.sleep(1e8);

// case: sleep_for_ever
// ends: TIME_LIMIT_EXCEEDED
await ctx.sleep(Infinity);

// case: ten_thousand_timers_left_behind
// gives: {"ok": 1}
for (let i = 0; i < 10_000; i++) setTimeout(() => { for (;;); }, 60e3);
return { ok: 1 };

// case: interval_left_behind
// gives: {"ok": 1}
setInterval(() => {}, 0);
return { ok: 1 };

// case: thenable_that_never_answers
// ends: SCRIPT_ERROR
// says: a promise that nothing is going to settle
return { then() {} };

// case: thenable_that_loops
// ends: TIME_LIMIT_EXCEEDED
return { then() { for (;;); } };

// case: thenable_that_answers_with_itself
// ends: TIME_LIMIT_EXCEEDED
const wheel = { then(resolve) { resolve(wheel); } };
return wheel;

// case: thenable_that_answers_and_throws
// gives: {"first": 1}
return { then(resolve) { resolve({ first: 1 }); resolve({ second: 2 }); throw new Error("late"); } };

// case: executor_that_loops
// ends: TIME_LIMIT_EXCEEDED
new Promise(() => { for (;;); });

// case: race_without_runners
// ends: SCRIPT_ERROR
// says: a promise that nothing is going to settle
await Promise.race([]);

// case: all_over_an_endless_iterator
// ends: MEMORY_LIMIT_EXCEEDED
await Promise.all((function* () { for (;;) yield 1; })());

// case: async_generator_without_end
// ends: TIME_LIMIT_EXCEEDED
async function* ticks() { for (;;) yield 1; }
for await (const _ of ticks());

// case: async_recursion_without_end
// ends: MEMORY_LIMIT_EXCEEDED
const deeper = async () => { await null; return deeper(); };
await deeper();

// case: abort_listener_that_loops
// ends: TIME_LIMIT_EXCEEDED
const controller = new AbortController();
controller.signal.addEventListener("abort", () => { for (;;); });
controller.abort();

// case: unhandled_rejection
// ends: SCRIPT_ERROR
// says: nobody looks
Promise.reject(new Error("nobody looks"));
await ctx.sleep(1);
return { looks: "completed" };

// case: a_million_rejections
// ends: MEMORY_LIMIT_EXCEEDED
for (;;) Promise.reject(new Error("x"));

// case: rejections_that_are_handled_late
// gives: {"ok": 1}
const late = Array.from({ length: 1000 }, () => Promise.reject(new Error("x")));
await ctx.sleep(1);
for (const each of late) each.catch(() => {});
await ctx.sleep(1);
return { ok: 1 };

// case: atomics_wait
// ends: SCRIPT_ERROR
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
return {};

// case: atomics_spin
// ends: TIME_LIMIT_EXCEEDED
const cell = new Int32Array(new SharedArrayBuffer(4));
while (Atomics.load(cell, 0) === 0);

// case: finalizer_that_loops
// ends: TIME_LIMIT_EXCEEDED
const registry = new FinalizationRegistry(() => { for (;;); });
for (let i = 0; i < 100; i++) registry.register({}, i);
return { ok: 1 };

// case: rejection_that_nobody_sees_and_has_no_reason
// ends: SCRIPT_ERROR
Promise.reject();
await ctx.sleep(10);
