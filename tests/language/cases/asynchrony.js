//# async and await
//: covers async/await
const f = async (x) => { await null; if (x < 0) throw new RangeError("neg"); return x * 2; };
return [await f(2), await f(-1).catch((e) => e.message), await (async () => { try { return await f(-1); } catch (e) { return e.name; } finally { } })(), f(1) instanceof Promise];
//# for await over generators, promises and one's own iterators
//: covers for await
const out = []; async function* g() { yield 1; await null; yield 2; }
for await (const x of g()) out.push(x); for await (const x of [Promise.resolve(3), 4]) out.push(x);
const own = { [Symbol.asyncIterator]() { let n = 0; return { next: async () => ({ value: n, done: n++ > 1 }), return: async () => { out.push("closed"); return {}; } }; } };
for await (const x of own) { out.push(x); if (x === 1) break; }
return out;
//# Promise.all, allSettled, race, any
const later = (v, ms) => new Promise((r) => setTimeout(r, ms, v));
return [await Promise.all([1, later(2, 1)]), await Promise.allSettled([1, Promise.reject(new Error("x"))]).then((r) => r.map((x) => x.status)), await Promise.race([later("slow", 50), "fast"]), await Promise.any([Promise.reject(1), later("ok", 1)]), await Promise.any([Promise.reject(1)]).catch((e) => [e.name, e.errors])];
//# Promise.withResolvers, try and finally
const { promise, resolve } = Promise.withResolvers(); resolve(5); const seen = [];
return [await promise, await Promise.try(() => { throw 1; }).catch((x) => x), await Promise.resolve(3).finally(() => { seen.push("f"); return 9; }), seen];
//# the order of jobs
const out = []; setTimeout(() => out.push("timeout"), 0); queueMicrotask(() => out.push("micro")); Promise.resolve().then(() => out.push("then")); (async () => { out.push("sync"); await null; out.push("await"); })(); out.push("end");
await new Promise((r) => setTimeout(r, 5)); return out;
//# thenables are awaited
return [await { then: (f) => f("yes") }, await Promise.resolve({ then: (_, g) => g("no") }).catch((x) => x)];
//# timers with arguments, cleared ones, intervals
const out = []; setTimeout((...a) => out.push(...a), 2, "a", "b"); const c = setTimeout(() => out.push("never"), 1); clearTimeout(c);
await new Promise((done) => { let n = 0; const i = setInterval(() => { out.push(n); if (++n === 3) { clearInterval(i); done(); } }, 2); });
clearTimeout(undefined); clearInterval(12345678); return out.filter((x) => typeof x === "number").length + out.filter((x) => x === "a" || x === "b").join("");
//# setImmediate runs after the code and can be cleared
const out = []; setImmediate((x) => out.push(x), "i"); clearImmediate(setImmediate(() => out.push("never"))); out.push("now");
await new Promise((r) => setTimeout(r, 5)); return out;
//# an async generator can be ended early
const out = []; async function* g() { try { yield 1; yield 2; } finally { out.push("cleanup"); } }
for await (const x of g()) { out.push(x); break; } return out;
//# timers refuse what is no function
const name = (f) => { try { f(); } catch (e) { return e.name; } }; return [name(() => setTimeout("x")), name(() => queueMicrotask(1)), name(() => setInterval())];
