// Scripts that catch whatever ends them, and go on.

// case: catch_around_a_loop
// ends: TIME_LIMIT_EXCEEDED
for (;;) { try { for (;;); } catch {} }

// case: finally_that_loops
// ends: TIME_LIMIT_EXCEEDED
try { for (;;); } finally { for (;;); }

// case: finally_that_returns
// ends: TIME_LIMIT_EXCEEDED
try { for (;;); } finally { return { swallowed: true }; }

// case: catch_that_returns
// ends: TIME_LIMIT_EXCEEDED
try { for (;;); } catch { return { swallowed: true }; }

// case: rejection_handler_that_goes_on
// ends: TIME_LIMIT_EXCEEDED
const stubborn = () => (async () => { for (;;); })().catch(stubborn);
return stubborn();

// case: awaited_loop_that_is_caught
// ends: TIME_LIMIT_EXCEEDED
try { await (async () => { await null; for (;;); })(); } catch { return { swallowed: true }; }

// case: sleep_that_is_caught
// ends: TIME_LIMIT_EXCEEDED
for (;;) { try { await ctx.sleep(60e3); } catch {} }

// case: generator_that_catches
// ends: TIME_LIMIT_EXCEEDED
function* stubborn() { for (;;) try { for (;;); } finally { yield 1; } }
for (const _ of stubborn());

// case: timer_that_takes_over
// ends: TIME_LIMIT_EXCEEDED
setInterval(() => { try { for (;;); } catch {} }, 1);
for (;;) { try { await new Promise(() => {}); } catch {} }

// case: getter_in_the_result_that_catches
// ends: TIME_LIMIT_EXCEEDED
return { get swallowed() { try { for (;;); } catch {} return true; } };

// case: stop_asked_and_ignored
// ends: TIME_LIMIT_EXCEEDED
for (;;) { try { if (ctx.shouldStop()) continue; } catch {} }

// case: memory_error_that_is_caught_and_repeated
// ends: TIME_LIMIT_EXCEEDED
// limits: {"memory_mb": 24, "timeout_ms": 1500}
for (;;) { try { const all = []; for (;;) all.push(new ArrayBuffer(1 << 20)); } catch {} }

// case: memory_error_that_is_survived
// gives: {"survived": true}
let all = [];
try { for (;;) all.push(new ArrayBuffer(1 << 20)); } catch { all = null; }
return { survived: true };

// case: stack_overflow_that_is_survived
// gives: {"survived": "RangeError"}
const down = () => down() + 1;
try { down(); } catch (error) { return { survived: error.name }; }

// case: log_overrun_that_is_caught
// ends: LIMIT_EXCEEDED
// says: 10001 log lines; 10000 are allowed
for (let i = 0; i < 20_000; i++) { try { ctx.log("again"); } catch {} }
return { swallowed: true };
