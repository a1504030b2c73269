//# arrays: the methods that change and those that copy
const a = [3, 1, 2];
return [a.toSorted(), a.toReversed(), a.with(0, 9), a.toSpliced(1, 1, "x", "y"), a, [...a].sort((x, y) => y - x), a.at(-1), a.copyWithin(0, 1)];
//# arrays: search
const a = [5, 12, 8, 130, 44];
return [a.find((x) => x > 10), a.findLast((x) => x > 10), a.findIndex((x) => x > 100), a.findLastIndex((x) => x < 10), a.includes(8), a.some((x) => x > 100), a.every((x) => x > 4), a.lastIndexOf(44)];
//# arrays: reduce, flat, fill, from, of
return [[1, 2, 3].reduce((s, x) => s + x), [[1], [2, [3]]].flat(Infinity), [1, 2].flatMap((x) => [x, x * 2]), Array(3).fill(0), Array.from({ length: 3 }, (_, i) => i * i), Array.of(7), [1, , 3].length, [, 1].findIndex((x) => x === undefined)];
//# arrays: sort is stable and as text by default
const rows = [["b", 1], ["a", 1], ["c", 0]].sort((x, y) => x[1] - y[1]).map((r) => r[0]);
return [rows, [10, 9, 1].sort(), [undefined, 3, , 1].sort(), ["B", "a", "C"].sort()];
//# grouping and objects from entries
const rows = [{ c: "x", n: 1 }, { c: "y", n: 2 }, { c: "x", n: 3 }];
const map = Map.groupBy(rows, (r) => r.n > 1);
return [Object.groupBy(rows, (r) => r.c), [...map.keys()], Object.fromEntries(map.get(true).map((r) => [r.c, r.n])), Object.entries({ a: 1 })];
//# objects: assign, freeze, define, own
const o = Object.defineProperty({}, "hidden", { value: 1 });
return [Object.assign({ a: 1 }, { b: 2 }, null), Object.isFrozen(Object.freeze({})), o.hidden, Object.keys(o), Object.hasOwn(o, "hidden"), Object.getOwnPropertyDescriptor({ get a() { return 1; } }, "a").set === undefined, Object.getOwnPropertyNames("ab")];
//# the order of keys: integers first
return Object.keys({ b: 1, 2: 1, a: 1, 1: 1, [-1]: 1 });
//# Map and Set in the order of insertion
const m = new Map([["a", 1], [NaN, 2]]); m.set("b", 3).delete("a"); m.set("a", 4);
return [[...m], m.get(NaN), m.size, [...new Set([3, 1, 3])], m.has("z")];
//# Set algebra
const a = new Set([1, 2, 3]), b = new Set([2, 3, 4]);
return [[...a.union(b)], [...a.intersection(b)], [...a.difference(b)], [...a.symmetricDifference(b)], a.isSubsetOf(b), new Set([2]).isSubsetOf(a), a.isDisjointFrom(new Set([9]))];
//# WeakMap, WeakSet and WeakRef
const k = {}; const m = new WeakMap([[k, 1]]); const s = new WeakSet([k]);
return [m.get(k), m.has({}), s.has(k), new WeakRef(k).deref() === k];
//# numbers: parse, show, test
return [parseInt("12px"), parseFloat("3.14abc"), Number(""), Number("0x1f"), Number("1e3"), Number("12px"), (255).toString(16), (0.1 + 0.2).toFixed(2), (1234.5678).toExponential(2), (0.000001234).toString(), (1e21).toString(), (25).toPrecision(1), Number.isInteger(5.0), Number.isSafeInteger(2 ** 53), Number.EPSILON > 0, (1.005).toFixed(2), (-1.5).toFixed(0)];
//# numbers: what JSON and text make of them
return [0.1 + 0.2, 1 / 3, 1e-7, 123456789012345680000, -0, `${-0}`, 5e-324, 1.7976931348623157e308, `${NaN}`, [NaN, Infinity]];
//# Math
return [Math.round(2.5), Math.round(-2.5), Math.sign(-3), Math.trunc(-1.7), Math.hypot(3, 4), Math.cbrt(27), Math.log2(8), Math.log10(1000), Math.clz32(1), Math.fround(5.5), Math.imul(3, 4), Math.atan2(1, 1), Math.max(), Math.min(1, "0"), Math.expm1(0), Math.cosh(0)];
//# typed arrays and DataView
const f = new Float32Array([1.5, -2.25]), v = new DataView(new ArrayBuffer(8)); v.setInt16(0, -2); v.setFloat32(4, 1.5, true);
return [[...new Uint8Array(f.buffer)], v.getUint16(0), v.getFloat32(4, true), [...Uint8ClampedArray.of(300, -5, 1.5)], [...new Int8Array([130])], [...new Uint16Array([1, 2, 3]).subarray(1)], new Uint8Array([3, 1, 2]).toSorted().join()];
//# ArrayBuffer: slice, resize, transfer
const b = new ArrayBuffer(4, { maxByteLength: 8 }); b.resize(6); const t = b.transfer();
return [t.byteLength, b.detached, t.slice(1, 3).byteLength, ArrayBuffer.isView(new Uint8Array(1))];
//# globalThis and its functions
return [typeof globalThis, isNaN("x"), isFinite("5"), encodeURIComponent("a b&ü/"), encodeURI("a b&ü/?#"), decodeURIComponent("%C3%BC"), escape("ü"), unescape("%FC")];
//# Function: bind, call, apply, names, length
function add(a, b, ...c) { return [this?.base, a, b, c.length]; }
return [add.bind({ base: 1 }, 2)(3, 4), add.call({ base: 2 }, 1), add.apply(null, [1, 2]), add.name, add.length, (() => {}).name, add.bind().name];
//# Array.fromAsync and async iteration of arrays
return [await Array.fromAsync([Promise.resolve(1), 2]), await Array.fromAsync((async function* () { yield 1; yield 2; })(), (x) => x * 2)];
//# Atomics and shared memory are what they are
return [typeof Atomics.add, Atomics.add(new Int32Array(2), 0, 5)];
//# JSON.stringify: indent, replacer, toJSON, special values
return [JSON.stringify({ a: [1, { b: 2 }] }, null, 2), JSON.stringify({ a: 1, b: 2, c: 3 }, ["a", "c"]), JSON.stringify({ a: undefined, b: () => 1, c: NaN, d: new Date(0), e: Symbol("x") }), JSON.stringify([undefined, () => 1]), JSON.stringify("\u2028\ud800\n"), JSON.stringify({ toJSON: () => "own" }), JSON.stringify({ a: 5 }, (k, v) => (k === "a" ? v * 2 : v)), String(JSON.stringify(undefined))];
//: covers JSON
//# JSON.parse: reviver and strictness
const fail = (t) => { try { return JSON.parse(t); } catch (e) { return e.name; } };
return [JSON.parse('{"a":[1,2,{"b":null}]}', (k, v) => (Array.isArray(v) ? v.length : v)), fail("{a:1}"), fail("[1,]"), fail("'x'"), fail("01"), fail('"\\u0041"'), fail('{"__proto__":1}'), fail(" 1 "), fail("1e400"), Object.keys(JSON.parse('{"b":1,"a":2,"1":3}'))];
