// Parameters that are hostile themselves.

// case: key_of_prototypes
// parameters: {"__proto__": {"admin": true}}
// gives: {"admin": "undefined", "own": true}
return { admin: typeof {}.admin, own: Object.hasOwn(params, "__proto__") };

// case: then_as_a_parameter
// parameters: {"then": "x", "toJSON": "y", "constructor": "z"}
// gives: {"then": "x", "toJSON": "y", "constructor": "z"}
return { ...params };

// case: parameters_given_back_by_the_script
// parameters: {"toJSON": 1, "rows": [{"__proto__": 1}]}
// gives: {"params": {"toJSON": 1, "rows": [{"__proto__": 1}]}}
return { params };

// case: separators_of_lines
// parameters: {"text": "a\u2028b\u2029c</script>\u0000"}
// gives: {"text": "a\u2028b\u2029c</script>\u0000"}
return { text: params.text };

// case: numbers_at_the_edges
// parameters: {"large": 1e308, "tiny": 5e-324, "minus": -0.0, "whole": 9007199254740993}
// gives: {"large": 1e308, "tiny": 5e-324, "minus": true, "whole": 9007199254740992}
return { large: params.large, tiny: params.tiny, minus: Object.is(params.minus, -0), whole: params.whole };

// case: parameters_are_the_runs_own
// parameters: {"list": [1, 2]}
// gives: {"list": [1, 2, 3]}
params.list.push(3); return { list: params.list };
