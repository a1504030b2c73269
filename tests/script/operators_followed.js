// Programs that push an expression into `out`, each with what methods build.
// ---
let x = col("a"); x += 5; x *= col("b"); out.push(x);
// = col("a").add(5).mul(col("b"))
// ---
let x = 1; x += col("a"); out.push(x);
// = lit(1).add(col("a"))
// ---
let x; x = col("a"); out.push(x - 1);
// = col("a").sub(1)
// ---
const { x } = { x: col("a") }; out.push(x - 1);
// = col("a").sub(1)
// ---
const { x: { y = 1 } } = { x: { y: col("a") } }; out.push(y - 1);
// = col("a").sub(1)
// ---
const [, y = col("z")] = [col("a")]; out.push(y - 1);
// = col("z").sub(1)
// ---
const [h, ...t] = [1, col("a")]; out.push(t[0] - 1);
// = col("a").sub(1)
// ---
let a, b; [a, b] = [col("a"), col("b")]; out.push(a - b);
// = col("a").sub(col("b"))
// ---
const o = {}; o.x = col("a"); out.push(o.x - 1);
// = col("a").sub(1)
// ---
const o = { x: col("a") }; o.x += 1; out.push(o.x);
// = col("a").add(1)
// ---
const o = { x: 1 }, k = () => "x"; o[k()] += col("a"); out.push(o.x);
// = lit(1).add(col("a"))
// ---
const f = (x) => x * 2; out.push(f(col("a")));
// = col("a").mul(2)
// ---
const f = ({ x }) => x * 2; out.push(f({ x: col("a") }));
// = col("a").mul(2)
// ---
const f = (n, x = col("d")) => x * n; out.push(f(3));
// = col("d").mul(3)
// ---
const f = (...x) => x[1] * 2; out.push(f(1, col("a")));
// = col("a").mul(2)
// ---
function f(x) { return x * 2; } out.push(f(col("a")) + 1);
// = col("a").mul(2).add(1)
// ---
function f(n) { return col(n); } out.push(f("a") + 1);
// = col("a").add(1)
// ---
const f = async (n) => col(n); out.push((await f("a")) + 1);
// = col("a").add(1)
// ---
function* f() { yield col("a"); } for (const x of f()) out.push(x + 1);
// = col("a").add(1)
// ---
const f = (g) => g(col("a")); out.push(f((x) => x + 1));
// = col("a").add(1)
// ---
const m = { double: (x) => x * 2 }; out.push(m.double(col("a")));
// = col("a").mul(2)
// ---
const m = { double(x) { return x * 2; } }; out.push(m["double"](col("a")));
// = col("a").mul(2)
// ---
const m = { gt: (x, n) => x > n }; for (const k in m) out.push(m[k](col("a"), 3));
// = col("a").gt(3)
// ---
const f = (x) => x * 2; out.push(f.call(null, col("a")));
// = col("a").mul(2)
// ---
class S { constructor(x) { this.x = x; } twice() { return this.x * 2; } }
out.push(new S(col("a")).twice());
// = col("a").mul(2)
// ---
class S { x = col("a"); get more() { return this.x + 1; } } out.push(new S().more * 2);
// = col("a").add(1).mul(2)
// ---
out.push(["a", "b", "c"].map(col).reduce((s, x) => s + x));
// = col("a").add(col("b")).add(col("c"))
// ---
out.push(["a", "b"].map((n) => col(n) * 2).reduce((s, x) => s + x));
// = col("a").mul(2).add(col("b").mul(2))
// ---
out.push(Object.entries({ a: 2 }).reduce((s, [n, w]) => s + col(n) * w, lit(0)));
// = lit(0).add(col("a").mul(2))
// ---
let s = null; for (const n of ["a", "b"]) s = s === null ? col(n) : s + col(n);
out.push(s);
// = col("a").add(col("b"))
// ---
const l = []; l.push(col("a")); for (const x of l) out.push(x + 1);
// = col("a").add(1)
// ---
const m = new Map(); m.set("k", col("a")); out.push(m.get("k") + 1);
// = col("a").add(1)
// ---
for (const [, x] of Object.entries({ k: col("a") })) out.push(x + 1);
// = col("a").add(1)
// ---
const all = await Promise.all([col("a")]); out.push(all[0] + 1);
// = col("a").add(1)
// ---
const x = col("a")
- 1
out.push(x)
// = col("a").sub(1)
// ---
const f = () => { return-col("a") }; out.push(f());
// = col("a").neg()
// ---
let i = 1
const x = col("a") + i++
out.push(x)
// = col("a").add(1)
// ---
const c = col; out.push(c("a") + 1);
// = col("a").add(1)
// ---
const { col: c } = pl; out.push(c("a") + 1);
// = col("a").add(1)
// ---
let i = 0; const l = [3, 4]; out.push(col("a") * l[i++] - i);
// = col("a").mul(3).sub(1)
// ---
const c = col("a"), d = { c, n: 2 }; d.n *= d.c; d["n"] -= 1; out.push(d.n);
// = lit(2).mul(col("a")).sub(1)
// ---
const f = (weights) => Object.keys(weights).map((n) => col(n) * weights[n]).reduce((a, b) => a + b);
out.push(f({ a: 1, b: 2 }));
// = col("a").mul(1).add(col("b").mul(2))
