//# arrow functions keep this and return expressions
//: covers arrow functions
const box = { n: 2, double() { return [1, 2].map((x) => x * this.n); } };
return [box.double(), ((a) => ({ a }))(1), (() => {})()];
//# template literals with expressions, lines and tags
//: covers template literals
const tag = (parts, ...values) => parts.raw.join("|") + values.join(",");
return [`a${1 + 1}b`, `x
y`, tag`q${1}\n${2}z`, `${[1, 2]}${{}}`];
//# spread in objects, arrays and calls
//: covers spread in objects
const base = { a: 1, b: 2 };
return [{ ...base, b: 3, ...null, ...[7] }, [...[1], ...new Set([2, 2])], Math.max(...[1, 5, 2])];
//# rest parameters and rest in patterns
const { a, ...rest } = { a: 1, b: 2, c: 3 };
const [first, ...others] = [1, 2, 3];
return [a, rest, first, others, ((x, ...y) => y)(1, 2, 3)];
//# default arguments see those before them
//: covers default args
function f(a = 1, b = a + 1, { c = 3, d: { e = 4 } = {} } = {}) { return [a, b, c, e]; }
return [f(), f(5), f(undefined, null), f(1, 2, { d: { e: 9 } }), f.length];
//# destructuring with names, defaults and nesting
//: covers destructuring
const { x: { y = 5, z: [, second] } = {}, ["comp" + "uted"]: v } = { x: { z: [1, 2] }, computed: 7 };
let [p, q] = [1, 2]; [p, q] = [q, p];
return [y, second, v, p, q];
//# destructuring in loops and parameters
const out = [];
for (const [key, { n }] of Object.entries({ a: { n: 1 }, b: { n: 2 } })) out.push(key + n);
return [out, (({ length }) => length)("four")];
//# optional chaining and nullish values
//: covers optional chaining
const o = { f() { return 1; }, n: null };
return [o?.f?.(), o.g?.(), o.n?.x.y.z, o?.["f"]?.(), undefined ?? "d", 0 ?? "d", delete o?.n];
//# logical assignment
let a = null, b = 1, c = 0; a ??= 5; b &&= 7; c ||= 8;
return [a, b, c];
//# exponents, separators and number literals
return [2 ** 10, (-2) ** 3, 1_000_000, 0b101, 0o17, 0xff, 1e3, .5];
//# labels, switch and comma
let n = 0;
outer: for (let i = 0; i < 5; i++) for (let j = 0; j < 5; j++) { if (j === 2) continue outer; if (i === 3) break outer; n++; }
const kind = (v) => { switch (typeof v) { case "number": case "bigint": return "num"; default: return "other"; } };
return [n, kind(1), kind(1n), kind(""), (1, 2)];
//# closures in loops see their own variable
const fs = []; for (let i = 0; i < 3; i++) fs.push(() => i);
return fs.map((f) => f());
//# classes: fields, private members, static blocks, accessors
class A { #n = 1; static made = 0; static { A.made = 10; } get n() { return this.#n; } set n(v) { this.#n = v; } has(o) { return #n in o; } static #hidden() { return "h"; } static show() { return this.#hidden(); } field = this.#n + 1; }
const a = new A(); a.n = 5;
return [a.n, a.field, A.made, a.has(a), a.has({}), A.show(), Object.keys(a)];
//# inheritance: super, new.target, instanceof, toString tag
class Base { constructor() { this.kind = new.target.name; } hi() { return "base"; } }
class Sub extends Base { hi() { return super.hi() + "+sub"; } get [Symbol.toStringTag]() { return "Sub!"; } }
const s = new Sub();
return [s.kind, s.hi(), s instanceof Base, String(s), Object.getPrototypeOf(Sub) === Base];
//# classes extend Array, Error and Map
class Stack extends Array { top() { return this.at(-1); } }
class AppError extends Error { constructor(m, code) { super(m); this.name = "AppError"; this.code = code; } }
class Defaults extends Map { get(k) { return super.get(k) ?? 0; } }
const e = new AppError("bad", 7), s = Stack.from([1, 2]).map((x) => x * 2);
return [s instanceof Stack, s.top(), String(e), e instanceof Error, e.code, new Defaults().get("q")];
//# generators: yield*, return, throw, spread
function* inner() { try { const x = yield 1; yield x; } finally { yield "f"; } }
function* outer() { const r = yield* (function* () { yield 0; return "r"; })(); yield r; }
const g = inner(); const seen = [g.next(), g.next("in"), g.return("end"), g.next(), g.next()];
return [seen, [...outer()]];
//# iterators of one's own and iterator helpers
const range = { *[Symbol.iterator]() { for (let i = 0; i < 5; i++) yield i; } };
return [[...range], Iterator.from(range).filter((x) => x % 2).map((x) => x * 10).take(1).toArray(), range[Symbol.iterator]().drop(3).toArray(), [..."😀a"].length];
//# getters, setters and computed names in objects
const k = "name"; const o = { get [k]() { return "got"; }, set [k](v) { this.v = v; }, [`m${1}`]() { return 1; }, __proto__: { inherited: true } };
o.name = 3;
return [o.name, o.v, o.m1(), o.inherited, Object.keys(o)];
//# Symbol: iterators, primitives, descriptions
const o = { [Symbol.toPrimitive](hint) { return hint === "number" ? 42 : hint; } };
return [+o, `${o}`, o + "", Symbol("d").description, Symbol.for("x") === Symbol.for("x"), typeof Symbol.iterator];
//# Proxy and Reflect
const log = []; const p = new Proxy({ a: 1 }, { get: (t, n, r) => { log.push(String(n)); return Reflect.get(t, n, r) ?? "none"; }, has: () => true, ownKeys: () => ["a", "z"], getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) });
return [p.a, p.b, "q" in p, Object.keys(p), log, Reflect.ownKeys({ x: 1, [Symbol.iterator]: 2 }).length];
//# try, catch without binding, finally and its return
const order = []; const f = () => { try { order.push("t"); throw 1; } catch { order.push("c"); return "c"; } finally { order.push("f"); } };
return [f(), order, (() => { try { return 1; } finally { } })()];
//# errors: cause, AggregateError, names, messages
const e = new Error("outer", { cause: new TypeError("inner") }); const g = new AggregateError([1, 2], "many");
return [e.cause.name, g.errors, g.message, String(new RangeError("r")), Object.prototype.toString.call(e), e instanceof Error];
//# what goes wrong has the right name
const name = (f) => { try { f(); return "none"; } catch (e) { return e.name; } };
return [name(() => null.x), name(() => nope), name(() => { const c = 1; c = 2; }), name(() => new Array(-1)), name(() => JSON.parse("{")), name(() => decodeURIComponent("%")), name(() => 1n + 1), name(() => "x".repeat(-1)), name(() => { later; let later; }), name(() => Object.freeze([1]).push(2)), name(() => Symbol() + "")];
//# strict mode everywhere in a module
return [(function () { return this; })() === undefined, (() => { try { undeclared = 1; } catch (e) { return e.name; } })()];
//# typeof, void, in, instanceof, delete
const o = { a: 1 };
return [typeof null, typeof (() => 1), typeof 1n, void 0 === undefined, "a" in o, [] instanceof Object, delete o.a, Object.keys(o)];
//# equality: ==, ===, Object.is
return [null == undefined, "1" == 1, NaN === NaN, Object.is(NaN, NaN), Object.is(0, -0), [1] == 1, [0, NaN].includes(NaN), [NaN].indexOf(NaN)];
//# integers: bits and shifts
return [5 & 3, 5 | 3, 5 ^ 3, ~5, -1 >>> 0, 1 << 31, -8 >> 1, 2 ** 32 | 0];
//# BigInt arithmetic and conversion
return [`${2n ** 64n}`, `${-7n / 2n}`, `${-7n % 3n}`, Number(10n), 2n > 1, 2n == 2, BigInt.asUintN(8, 257n).toString(), typeof BigInt("0xff"), (255n).toString(16)];
//# a string spread into an object
//: differs the engine gives no characters, only objects and arrays can be spread into objects
return { ..."hi" };
