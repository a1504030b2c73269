//# eval
//: differs code from text is refused
try { return eval("1 + 1"); } catch (e) { return [e.name, e.message]; }
//# the Function constructor
//: differs code from text is refused
try { return Function("return 1")(); } catch (e) { return e.name; }
//# the constructors reached through functions
//: differs code from text is refused
return [() => {}, async () => {}, function* () {}, async function* () {}].map((f) => { try { f.constructor("return 1"); return "made"; } catch (e) { return e.name; } });
//# what only a server has
//: differs no files, no network, no processes
return ["process", "require", "fetch", "WebSocket", "WebAssembly", "navigator", "module", "global"].map((n) => typeof globalThis[n]);
//# dynamic import
//: differs an analysis is one file
try { await import("node:fs"); return "loaded"; } catch (e) { return e.name; }
