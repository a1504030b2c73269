// Metadata as a dump, a weapon or a way around.

// case: value_that_is_cyclic
// ends: SCRIPT_ERROR
// says: The value of metadata 'k' refers to itself
const ring = {}; ring.ring = ring; ctx.metadata.set("k", ring);

// case: value_with_bytes
// ends: SCRIPT_ERROR
// says: contains bytes
ctx.metadata.set("k", { bytes: new Uint8Array(4) });

// case: value_nested_too_deep
// ends: VALIDATION_ERROR
// says: nested deeper than 200 levels
let deep = 1; for (let i = 0; i < 900; i++) deep = [deep]; ctx.metadata.set("k", deep);

// case: value_larger_than_a_frame
// limits: {"memory_mb": 256, "frame_mb": 1}
// ends: LIMIT_EXCEEDED
// says: metadata.set may carry 1 MB at once
ctx.metadata.set("k", "x".repeat(2 << 20));

// case: key_that_is_no_text
// ends: SCRIPT_ERROR
// says: A metadata key must be a string that is not empty
ctx.metadata.set({ toString: () => "run_id" }, 1);

// case: key_that_is_built_in
// ends: READ_ONLY
// says: metadata 'run_id' is read-only
ctx.metadata.set("run_id", "forged");

// case: key_of_a_prototype
// gives: {"own": {"polluted": 1}, "has": true, "polluted": "undefined"}
ctx.metadata.set("__proto__", { polluted: 1 });
return { own: ctx.metadata.get("__proto__"), has: ctx.metadata.has("__proto__"), polluted: typeof {}.polluted };

// case: keys_named_like_members
// gives: {"known": [false, false, false]}
return { known: ["constructor", "toString", "hasOwnProperty"].map((key) => ctx.metadata.has(key)) };

// case: writes_without_end
// ends: TIME_LIMIT_EXCEEDED
for (;;) ctx.metadata.set("k", 1);
