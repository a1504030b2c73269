// Code from text, by every door that the language has.

// case: eval
// ends: SCRIPT_ERROR
// says: eval\(\) is not available
return { n: eval("1") };

// case: indirect_eval
// ends: SCRIPT_ERROR
// says: eval\(\) is not available
return { n: (0, globalThis["ev" + "al"])("1") };

// case: eval_of_the_engine_in_another_scope
// ends: SCRIPT_ERROR
// says: eval\(\) is not available
return { n: Reflect.apply(Reflect.get(globalThis, "eval"), null, ["1"]) };

// case: function_constructor
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: Function("return 1")() };

// case: new_function
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: new Function("return 1")() };

// case: constructor_of_an_arrow
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: (() => {}).constructor("return 1")() };

// case: constructor_of_an_async_arrow
// ends: SCRIPT_ERROR
// says: AsyncFunction\(\) is not available
return { n: (async () => {}).constructor("return 1")() };

// case: constructor_of_a_generator
// ends: SCRIPT_ERROR
// says: GeneratorFunction\(\) is not available
return { n: (function* () {}).constructor("yield 1")() };

// case: constructor_of_an_async_generator
// ends: SCRIPT_ERROR
// says: AsyncGeneratorFunction\(\) is not available
return { n: (async function* () {}).constructor("yield 1")() };

// case: constructor_of_a_method
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: { run() {} }.run.constructor("return 1")() };

// case: constructor_of_an_accessor
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: Object.getOwnPropertyDescriptor({ get a() { return 1; } }, "a").get.constructor("return 1")() };

// case: constructor_of_a_class
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: (class {}).constructor("return 1")() };

// case: constructor_of_a_bound_function
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: (() => {}).bind().constructor("return 1")() };

// case: constructor_of_a_native_function
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: [].push.constructor("return 1")() };

// case: constructor_of_a_host_function
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: ctx.log.constructor("return 1")() };

// case: constructor_of_an_async_host_function
// ends: SCRIPT_ERROR
// says: (Async)?Function\(\) is not available
return { n: ctx.sleep.constructor("return 1")() };

// case: constructor_through_a_proxy
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: new Proxy(() => {}, {}).constructor("return 1")() };

// case: constructor_of_the_constructor
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: ({}).constructor.constructor("return 1")() };

// case: constructor_by_get_prototype_of
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: Object.getPrototypeOf(Object.getPrototypeOf).constructor("return 1")() };

// case: constructor_by_reflect_construct
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: Reflect.construct((() => {}).constructor, ["return 1"])() };

// case: constructor_with_another_new_target
// ends: SCRIPT_ERROR
// says: not available
return { n: Reflect.construct(Function, ["return 1"], class extends (async () => {}).constructor {})() };

// case: class_that_extends_function
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
return { n: new (class extends Function {})("return 1")() };

// case: class_that_extends_the_hidden_function
// ends: SCRIPT_ERROR
// says: AsyncFunction\(\) is not available
return { n: new (class extends (async () => {}).constructor {})("return 1")() };

// case: prototype_of_the_hidden_constructors
// gives: {"real": 0}
let real = 0;
for (const sample of [() => {}, async () => {}, function* () {}, async function* () {}]) {
  let kind = sample;
  for (let i = 0; i < 5 && kind; i++) {
    for (const name of Reflect.ownKeys(kind)) {
      const found = Reflect.getOwnPropertyDescriptor(kind, name)?.value;
      if (typeof found !== "function") continue;
      try { if (found("return 5")() === 5) real++; } catch {}
    }
    kind = Object.getPrototypeOf(kind);
  }
}
return { real };

// case: constructor_that_is_put_back
// gives: {"inherited": 1, "real": 0}
Object.defineProperty(Object.getPrototypeOf(() => {}), "constructor", { value: 1 });
let real = 0;
for (const sample of [() => {}, [].push, ctx.log, class {}, async () => {}]) try { if (sample.constructor("return 5")() === 5) real++; } catch {}
return { inherited: (() => {}).constructor, real };

// case: constructor_found_in_the_stack
// gives: {"found": 0}
let found = 0;
Error.prepareStackTrace = (_, sites) => sites;
for (const site of [].concat(new Error().stack)) {
  const inner = site?.getFunction?.();
  try { if (inner?.constructor("return 1")() === 1) found++; } catch {}
}
return { found };

// case: async_module_function_in_the_prelude
// gives: {"found": 0}
let found = 0;
const seen = new Set();
const visit = (value, depth) => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value) || depth > 6) return;
  seen.add(value);
  if (typeof value === "function" && /^(Async)?(Generator)?Function$/.test(value.name)) {
    try { value("return 1"); found++; } catch {}
  }
  for (const name of Reflect.ownKeys(value)) { try { visit(value[name], depth + 1); } catch {} }
  visit(Reflect.getPrototypeOf(value), depth + 1);
};
visit(globalThis, 0); visit(ctx, 0);
return { found };

// case: set_timeout_with_a_text
// ends: SCRIPT_ERROR
// says: setTimeout needs a function
setTimeout("1", 0);

// case: set_interval_with_a_text
// ends: SCRIPT_ERROR
// says: setInterval needs a function
setInterval("1", 0);

// case: import_of_a_data_url
// ends: SCRIPT_ERROR
// says: Cannot import
await import("data:text/javascript,globalThis.owned=1");

// case: import_of_itself
// ends: SCRIPT_ERROR
// says: Cannot import
await import("./monthly_report.js");

// case: import_of_a_runtime_file
// ends: SCRIPT_ERROR
// says: Cannot import
await import("analysis-sandbox:bridge.js");

// case: import_meta
// gives: {"keys": []}
return { keys: Object.keys(import.meta).filter((key) => !["url", "main"].includes(key)) };

// case: worker
// ends: SCRIPT_ERROR
// says: Worker is not defined
new Worker("x.js");

// case: web_assembly
// ends: SCRIPT_ERROR
// says: WebAssembly is not defined
new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));

// case: shadow_realm
// ends: SCRIPT_ERROR
// says: ShadowRealm is not defined
new ShadowRealm().evaluate("1");

// case: hosts_of_the_engine
// gives: {"there": []}
return { there: ["std", "os", "bjson", "scriptArgs", "print", "load", "require", "process", "Deno", "Bun", "fetch", "XMLHttpRequest", "WebSocket", "importScripts", "__loadScript", "gc"].filter((name) => name in globalThis) };

// case: unscopables
// gives: {"n": 1}
Object.prototype[Symbol.unscopables] = new Proxy({}, { get: () => true });
return { n: 1 };

// case: pattern_with_code
// gives: {"text": "a0a"}
return { text: "abа".replace(/[^a]+/u, () => 0) + "a" };

// case: sequence_of_getters_on_the_global
// ends: SCRIPT_ERROR
// says: Function\(\) is not available
Object.defineProperty(globalThis, "door", { get: () => (() => {}).constructor });
return { n: globalThis.door("return 1")() };

// case: json_does_not_revive_code
// gives: {"type": "object"}
return { type: typeof JSON.parse('{"a": "() => 1", "__proto__": "() => 2"}') };
