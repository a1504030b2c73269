// Logs that flood, forge or steer a terminal.

// case: a_million_lines
// ends: LIMIT_EXCEEDED
// says: 10001 log lines; 10000 are allowed
for (let i = 0; i < 1e6; i++) ctx.log(`line ${i}`);
return {};

// case: a_million_empty_lines
// ends: LIMIT_EXCEEDED
// says: 10001 log lines; 10000 are allowed
for (let i = 0; i < 1e6; i++) console.debug("");
return {};

// case: a_giant_line
// ends: LIMIT_EXCEEDED
// says: bytes of log; 1048576 are allowed
ctx.log("x".repeat(2 << 20));
return {};

// case: many_large_lines
// ends: LIMIT_EXCEEDED
// says: bytes of log; 1048576 are allowed
for (;;) console.error("x".repeat(10_000));

// case: a_giant_object
// ends: LIMIT_EXCEEDED
// says: bytes of log; 1048576 are allowed
ctx.log(Array.from({ length: 3e5 }, (_, i) => i));
return {};

// case: a_table_of_a_million_rows
// ends: MEMORY_LIMIT_EXCEEDED
console.table(Array.from({ length: 1e6 }, (_, i) => ({ i, text: `row ${i}` })));
return {};

// case: groups_without_end
// ends: LIMIT_EXCEEDED
// says: bytes of log
for (;;) console.group("x");

// case: an_indent_that_multiplies_lines
// ends: LIMIT_EXCEEDED
// says: bytes of log
for (let i = 0; i < 5000; i++) console.group();
console.log("\n".repeat(1000));
return {};

// case: newlines_stay_in_their_line
// gives: {"ok": 1}
// logs: [["info", "first\n2026-01-01 00:00:00 error forged\r\nlast"]]
ctx.log("first\n2026-01-01 00:00:00 error forged\r\nlast");
return { ok: 1 };

// case: control_characters_and_escapes
// gives: {"ok": 1}
// logs: [["error", "\u001b[2J\u001b]0;owned\u0007 \u0000 \u202e \ufffd"]]
ctx.error("\u001b[2J\u001b]0;owned\u0007 \0 \u202e \ud800");
return { ok: 1 };

// case: objects_that_throw_when_shown
// gives: {"ok": 1}
ctx.log({ get a() { throw 1; } }, new Proxy({}, { ownKeys() { throw 1; } }), { toJSON() { throw 1; } });
return { ok: 1 };

// case: a_function_whose_name_throws
// gives: {"ok": 1}
// logs: [["info", "[Function: anonymous]"]]
ctx.log(Object.defineProperty(() => {}, "name", { get() { throw new Error("trap"); } }));
return { ok: 1 };

// case: objects_that_loop_when_shown
// ends: TIME_LIMIT_EXCEEDED
ctx.log({ get a() { for (;;); } });
return {};

// case: formats_that_loop
// ends: TIME_LIMIT_EXCEEDED
console.log("%i", { toString() { for (;;); } });
return {};

// case: cyclic_objects
// gives: {"ok": 1}
// logs: [["info", "{\"ring\":\"[Circular]\"}"]]
const ring = {}; ring.ring = ring; ctx.log(ring);
return { ok: 1 };

// case: log_lines_of_a_flood_after_the_end
// gives: {"ok": 1}
setInterval(() => ctx.log("late"), 0);
return { ok: 1 };

// case: counters_without_end
// ends: LIMIT_EXCEEDED
// says: 10001 log lines
for (let i = 0; ; i++) console.count(`label ${i}`);

// case: warnings_in_a_loop_of_timers
// ends: LIMIT_EXCEEDED
// says: 10001 log lines
for (;;) console.timeEnd("nothing");
