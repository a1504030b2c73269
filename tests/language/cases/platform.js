//# console has every method, and none returns anything
//: covers console
return ["log", "info", "debug", "warn", "error", "dir", "dirxml", "table", "trace", "assert", "count", "countReset", "time", "timeLog", "timeEnd", "group", "groupCollapsed", "groupEnd", "clear", "timeStamp"].map((n) => typeof console[n]).join() + String(console.assert(true));
//# AbortController tells its listeners once
//: covers AbortController, AbortSignal
const c = new AbortController(), out = []; c.signal.addEventListener("abort", (e) => out.push(e.type, e.target === c.signal)); c.signal.onabort = () => out.push("on"); c.abort(); c.abort("again");
try { c.signal.throwIfAborted(); } catch (e) { out.push(e.name); }
return [out, c.signal.aborted, c.signal.reason.name, c.signal.reason.message, c.signal.reason.code];
//# AbortSignal.abort, any and timeout
//: covers AbortSignal
const c = new AbortController(), s = AbortSignal.any([c.signal, new AbortController().signal]); c.abort("why"); const keep = setTimeout(() => {}, 100);
const t = AbortSignal.timeout(5); await new Promise((r) => t.addEventListener("abort", r, { once: true })); clearTimeout(keep);
return [s.aborted, s.reason, AbortSignal.abort(5).reason, AbortSignal.abort().reason.name, t.reason.name, t.reason.message];
//# EventTarget and Event
//: covers EventTarget, Event
const t = new EventTarget(), out = []; const f = (e) => { out.push(e.type); e.preventDefault(); }; t.addEventListener("x", f); t.addEventListener("x", f); t.addEventListener("x", { handleEvent: () => out.push("object") }, { once: true });
const going = t.dispatchEvent(new Event("x", { cancelable: true })); t.removeEventListener("x", f); t.dispatchEvent(new Event("x"));
return [out, going];
//# crypto.randomUUID and getRandomValues
//: covers crypto
const u = crypto.randomUUID(), v = crypto.randomUUID(); const a = crypto.getRandomValues(new Uint32Array(64)); const name = (f) => { try { f(); } catch (e) { return e.name; } };
return [/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(u), u !== v, a.some((x) => x > 0), new Set(a).size > 60, name(() => crypto.getRandomValues(new Float64Array(1))), name(() => crypto.getRandomValues(new Uint8Array(65537))), crypto.getRandomValues(new Uint8Array(2000)).length];
//# performance.now goes on
//: covers performance
const a = performance.now(); let n = 0; for (let i = 0; i < 1e5; i++) n += i; const b = performance.now();
return [b >= a, typeof performance.timeOrigin, Math.abs(performance.timeOrigin + b - Date.now()) < 2000];
//# DOMException
return [new DOMException("m", "AbortError").code, new DOMException("m").name, new DOMException("m") instanceof Error, String(new DOMException("m", "DataError"))];
//# queueMicrotask runs before timers
//: covers queueMicrotask, setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate
const out = []; setTimeout(() => out.push("t")); queueMicrotask(() => out.push("m")); await new Promise((r) => setTimeout(r, 10)); return out;
