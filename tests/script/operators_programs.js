// Programs that push into `out`, one from each line of dashes to the next.
// ---
let x = 1, y = '2'; x += y; out.push(x, x - 1, -x, ~5, !x, +y);
// ---
out.push(1 + 2 * 3 ** 2 ** 0 % 5 - -4 / 2, (1 + 2) * 3, 2 ** -1, (-2) ** 2);
// ---
out.push('a' + 1 + 2, 1 + 2 + 'a', [] + {}, [1] == 1, null == undefined, NaN !== NaN);
// ---
out.push(1 < 2 < 3, 3 > 2 > 1, 'b' > 'a', 1n < 2, 2n == 2, 1n + 2n, 7n / 2n, -(-5n));
// ---
out.push(5 & 3 | 8 ^ 1, 5 & 3 == 3, 1 | 2 && 0, null ?? 1 + 1, 6 % 4 === 2);
// ---
out.push(1n + 1);
// ---
out.push(Symbol('s') + '');
// ---
out.push(-Symbol('s'));
// ---
out.push(null.x + 1);
// ---
const c = 1; c += 1;
// ---
out.push(before); let before = 1;
// ---
let x = (out.push('rhs'), 1); x += (x = 10, 5); out.push(x);
// ---
const o = { get x() { out.push('get'); return 2; }, set x(v) { out.push('set'); this.v = v; } };
out.push((o.x **= 3), o.v);
// ---
const k = () => (out.push('key'), 'a'), o = () => (out.push('object'), q), q = { a: 1 };
o()[k()] += (q.a = 50, 2); out.push(q.a);
// ---
const key = { toString() { out.push('text'); return 'a'; } }, o = { a: 1 };
o[key] -= 3; (() => o)()[key] *= 2; out.push(o.a);
// ---
let a = 1, o = { a: 1 }; o.a += (o = { a: 5 }, 1); out.push(o.a);
// ---
const o = { p: { q: 3 } }; o.p.q /= 2; o['p']['q'] += 1; o.p['q'] %= 2; out.push(o.p.q);
// ---
const o = { a: [1, 2] }; let i = 0; o.a[i++] += 10; o.a[(0, i)] += 5; out.push(i, ...o.a);
// ---
null.x += 1;
// ---
try { undefined[(out.push('key'), 'k')] += (out.push('rhs'), 1); } catch (e) { out.push(e.name); }
// ---
try { (() => null)()[(out.push('k'), 'k')] += out.push('r'); } catch (e) { out.push(e.name); }
// ---
Object.freeze([1])[0] += 1;
// ---
const o = Object.freeze({ x: 1 }); o.x += 1;
// ---
(() => 'text')().length += 1;
// ---
class A { #x = 1; x = 2; bump() { this.#x += 2; this.x *= 3; return this.#x + this.x; } static has(v) { return #x in v; } } out.push(new A().bump(), A.has(new A()), A.has({}));
// ---
class A { get v() { return 2; } } class B extends A { get v() { return super.v + 1; } w() { super.z += 1; return this.z; } } out.push(new B().v * 2, new B().w());
// ---
out.push([3, 1, 2].sort((a, b) => b - a).join(), [1, 2].map((x) => x * 2 + 1).join());
// ---
const f = (a, b = a + 1, { c = b * 2 } = {}) => a + b + c; out.push(f(1), f(1, 2, { c: 1 }));
// ---
const { a = 1 + 1, ['b' + 'c']: d = -1 } = { bc: 5 }; out.push(a, d);
// ---
out.push(typeof 1 + 2, typeof (1 + 2), void 0 + 1, !1 + 1, delete {}.x + 1, -'3' - -'4');
// ---
out.push(typeof undeclared === 'undefined', typeof undeclared + 'x');
// ---
out.push(undeclared + 1);
// ---
out.push('a' in { a: 1 } === true, [] instanceof Array == 1, !('b' in {}) & 1);
// ---
const x = 5
-1
out.push(x)
// ---
let x = 1
let y = x
++x
out.push(x, y, y+-x, y-+x, y- -x, x+ +y, x++ + ++y, x-- - --y)
// ---
let i = 1
let a = 2 + i++
;[3, 4].forEach((v) => out.push(v + i))
out.push(a)
// ---
let i = 1, a
a = 2 + i++
/1/1
out.push(a, i)
// ---
let i = 1; const f = () => { return-i }, g = () => { return(i)+1 }; out.push(f(), g());
// ---
const f = () => { throw-1 }; try { f() } catch (e) { out.push(e+1) }
// ---
switch (1+1) { case-2+4: out.push('two'); break; default: out.push('none') }
// ---
for (let i = 10; i > 0; i -= 3) { if (i % 2 === 0) continue; out.push(i * i); }
// ---
let n = 3; while (n --> 0) out.push(n); do n += 2; while (n < 4); out.push(n);
// ---
outer: for (const a of [1, 2]) for (const b of [1, 2]) { if (a * b == 2) continue outer; out.push(a - b) }
// ---
const t = (s, ...v) => s.raw.join('|') + v.join(); out.push(t`a${1 + 2}\n${3 * 4}`, `${`${1 + 1}`}${2}`);
// ---
out.push(/a+b/.test('aab') + 1, 4 / 2 / 1, 'a/b'.split(/\//g).length - 1);
// ---
const g = function* () { const x = yield 1 + 1; out.push(x * 2); }; const i = g(); out.push(i.next().value, i.next(4).done);
// ---
const f = async (x) => (await x) + (await 2) * 3; out.push(await f(1), -(await f(2)));
// ---
const o = { a: { b: 2 } }; out.push(o?.a?.b + 1, o?.['a'].b * 2, o.x?.y + 1, -o?.a.b);
// ---
let x = null; x ??= 1 + 1; x &&= x * 2; x ||= x - 1; out.push(x);
// ---
let x = 0b11; x <<= 2; x >>= 1; x >>>= 0; x |= 8; x &= ~1; x ^= 3; out.push(x);
// ---
var x = 1; var x = x + 1; { var y = x * 2 } out.push(x, y);
// ---
out.push((1, 2) + (3, 4), (() => 1)() + 1, (function () { return 2 })() * 2, new Date(5) - 3);
// ---
const d = { valueOf: () => 3, toString: () => 'three' }; out.push(d + 1, `${d}`, d * 2, d < 4, d == 3);
// ---
const d = { [Symbol.toPrimitive]: (hint) => hint }; out.push(d + 1, `${d}`, -d, d == 'default', d < 1);
// ---
const p = new Proxy({}, { get: (t, k) => (out.push(String(k)), k === 'x' ? 4 : undefined) }); p.x += p.x;
// ---
const log = (v) => (out.push(v), v); out.push(log(1) + log(2) * log(3) - log(4) ** log(0));
// ---
const a = [1, 2, 3]; a[a.length - 1] += a[0]; a[-1 + 1] *= a.length; out.push(a.join());
// ---
let s = ''; for (const c of 'abc') s += c + '-'; out.push(s, s.length - 1);
// ---
out.push(((1 + 2)) * ((3)), ((x) => x + 1)(1), !(1 > 2), !!(2 > 1), !(!(0 === -0)));
// ---
if (!(1 > 2) && (3 > 2 || 1 / 0)) out.push('yes'); out.push(1 > 2 ? 1 + 1 : 2 * 2, (1 & 1) ? 1 : 0);
// ---
let x = 1; (x) += 2; [x][0] += 1; ({ x }).x -= 1; out.push(x);
// ---
const o = { ['a' + 1]: 1 + 1, get b() { return 1 + 2 }, c() { return 3 - 1 }, async d() {} }; out.push(o.a1, o.b + o.c());
// ---
import('x' + 1).catch((e) => e); out.push(1 /* + */ + // -
 2 /*
*/ * 3);
// ---
class C { static s = 1 + 1; static { C.t = C.s * 2 } x = -C.s; ['m' + 1]() { return 1 - 1 } } out.push(C.s, C.t, new C().x, new C().m1());
// ---
label: { if (1 + 1 === 2) break label; out.push('never'); } out.push(1 - -0, -0, 0 * -1, -0 + -0);
// ---
out.push(9007199254740993n * 2n, 2n ** 64n, 5n % 3n, -7n / 2n, ~5n, 6n & 3n, 1n === 1, 1n != 2);
// ---
const é = 2, $a = 3, _b = 4; out.push(é*$a-_b, '日本' + é, `${é+$a}`);
// ---
const f = (x) => x
+ 1
out.push(f(1))
// ---
out.push([1, , 3].length + [...[1, 2]].length, Math.max(...[1, 2].map((x) => -x)) * 2);
// ---
try { try { null + undefined; throw new Error('a' + 'b') } finally { out.push('f' + 1) } } catch ({ message: m = 'x' + 1 }) { out.push(m + '!') }
// ---
async function* g() { yield 1 + 1; yield* [3 - 1]; } for await (const v of g()) out.push(v * 2);
// ---
const big = 10 ** 21 + 1, tiny = 1e-7 / 3; out.push(big, tiny, 0.1 + 0.2, 1 / 3, 5 % -3, -5 % 3);
// ---
let i = 1, a
a = 2 + i++ // and more
(() => out.push(a, i))()
// ---
let i = 1, a
a = 2 * i-- /* and
more */
`${out.push(a, i)}`
// ---
let i = 1, a
a = 2 * i++
[1, 2].forEach((v) => out.push(v * a))
// ---
let i = 1, a = -i++
(1 + 1, out.push(a, i))
