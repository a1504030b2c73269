// Options functions, which people wait for: called through REST.

// case: loop
// ends: TIME_LIMIT_EXCEEDED
for (;;) {}

// case: memory
// ends: MEMORY_LIMIT_EXCEEDED
const all = []; for (;;) all.push(new ArrayBuffer(1 << 20));

// case: too_many
// ends: SCRIPT_ERROR
// says: are 1001; at most 1000 can be shown
return Array.from({ length: 1001 }, (_, i) => i);

// case: no_list
// ends: SCRIPT_ERROR
// says: must be an array
return { 0: "a", length: 1 };

// case: huge_label
// ends: RESULT_TOO_LARGE
return [{ value: 1, label: "x".repeat(11 << 20) }];

// case: groups_in_groups
// ends: SCRIPT_ERROR
// says: a group cannot hold another group
return [{ label: "a", options: [{ label: "b", options: [{ value: 1 }] }] }];

// case: value_that_is_an_object
// ends: SCRIPT_ERROR
// says: must be a string or a number
return [{ value: { toString: () => "x" }, label: "x" }];

// case: write
// ends: READ_ONLY
// says: only reads
ctx.metadata.set("key", 1); return [];

// case: log_flood
// ends: LIMIT_EXCEEDED
for (;;) console.log("x");

// case: odd_texts
// gives: [{"value": "\ufffd\u0000", "label": "\u001b[31m"}]
return [{ value: "\ud800\0", label: "\u001b[31m" }];
