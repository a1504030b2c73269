// Regular expressions that explode.

// case: nested_quantifier
// ends: TIME_LIMIT_EXCEEDED
return { found: /(x+x+)+y/.test("x".repeat(60)) };

// case: alternation_of_the_same
// ends: TIME_LIMIT_EXCEEDED
return { found: /^(a|a)*$/.test(`${"a".repeat(50)}b`) };

// case: email_of_the_textbook
// ends: TIME_LIMIT_EXCEEDED
return { found: /^([a-zA-Z0-9]+\.?)+@x$/.test("a".repeat(60)) };

// case: backreference
// ends: TIME_LIMIT_EXCEEDED
return { found: /^(a+)+\1+$/.test(`${"a".repeat(60)}b`) };

// case: lookahead
// ends: TIME_LIMIT_EXCEEDED
return { found: /(?=(a+)+b)c/.test("a".repeat(60)) };

// case: lookbehind
// ends: TIME_LIMIT_EXCEEDED
return { found: /(?<=b(a+)+)c/.test(`${"a".repeat(60)}c`) };

// case: quadratic_over_a_long_text
// ends: TIME_LIMIT_EXCEEDED
return { found: /a*b/.test("a".repeat(1e6)) };

// case: unicode_sets
// ends: TIME_LIMIT_EXCEEDED
return { found: /(\p{L}+\p{L}+)+!/u.test("ä".repeat(60)) };

// case: split_by_a_pattern
// ends: TIME_LIMIT_EXCEEDED
return { parts: "x".repeat(60).split(/(x+x+)+y/) };

// case: pattern_from_text
// ends: TIME_LIMIT_EXCEEDED
// parameters: {"pattern": "(a+)+$b"}
return { found: new RegExp(params.pattern).test("a".repeat(60)) };

// case: pattern_nested_too_deep
// ends: SCRIPT_ERROR
// says: stack|deep|too|captures
return { found: new RegExp("(?:".repeat(1e5) + "a" + ")".repeat(1e5)).test("a") };

// case: pattern_of_many_megabytes
// ends: SCRIPT_ERROR
// says: memory|too|large
return { found: new RegExp("(a{1,60000}){1,60000}".repeat(1000)).test("b") };

// case: to_string_of_a_pattern_source
// ends: TIME_LIMIT_EXCEEDED
for (;;) new RegExp("a".repeat(1e5)).source;
