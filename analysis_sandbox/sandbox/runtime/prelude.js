// What authors expect of a JavaScript runtime, and the doors that stay shut.
(function (runtime) {
  "use strict";

  const { apply, defineProperty, getPrototypeOf } = Reflect;
  const { parse, stringify } = JSON;
  const { toBase64 } = Uint8Array.prototype;
  const { fromBase64 } = Uint8Array;
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const { isError } = Error;
  const { keys, create, prototype: objectPrototype } = Object;
  const { slice, toWellFormed, toLowerCase } = String.prototype;
  const ArrayBufferConstructor = ArrayBuffer;
  const BytesConstructor = Uint8Array;
  const DateConstructor = Date;
  const MapConstructor = Map;
  const NumberConstructor = Number;
  const PromiseConstructor = Promise;
  const RangeErrorConstructor = RangeError;
  const RegExpConstructor = RegExp;
  const SetConstructor = Set;
  const StringConstructor = String;
  const TypeErrorConstructor = TypeError;
  const now = performance.now.bind(performance);
  const { own, port, then } = runtime;

  function global(name, value) {
    defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }

  // Code from text: eval and the constructors of all four kinds of function.
  function closeCodeGeneration() {
    const kinds = [function () {}, async function () {}, function* () {}, async function* () {}];
    for (const sample of kinds) {
      const prototype = getPrototypeOf(sample);
      const { name } = prototype.constructor;
      const closed = {
        [name]: function () {
          throw new EvalError(`${name}() is not available in an analysis: write the code out`);
        },
      }[name];
      defineProperty(closed, "prototype", { value: prototype });
      defineProperty(prototype, "constructor", { value: closed, configurable: false });
      if (name === "Function") global("Function", closed);
    }
    global("eval", function () {
      throw new EvalError("eval() is not available in an analysis: write the code out");
    });
  }

  // Timers, fired by the host's loop between two jobs.
  const timers = own(new MapConstructor(), "get", "set", "delete", "has");
  let timerSequence = 0;

  function addTimer(name, callback, delay, repeat, args) {
    if (typeof callback !== "function") {
      throw new TypeErrorConstructor(`${name} needs a function`);
    }
    timerSequence += 1;
    const wait = milliseconds(delay);
    const interval = repeat ? (wait < 1 ? 1 : wait) : null;
    timers.set(timerSequence, { callback, args, interval });
    // Negative, to tell them from the ids of host calls.
    port.timer(-timerSequence, wait);
    return timerSequence;
  }

  function milliseconds(value) {
    const number = NumberConstructor(value);
    return number > 0 ? number : 0;
  }

  /** Run the callback of a timer that is due. */
  function fire(id) {
    const timer = timers.get(id);
    if (timer === undefined) return false;
    if (timer.interval === null) timers.delete(id);
    try {
      apply(timer.callback, undefined, timer.args);
    } catch (error) {
      runtime.fail(error);
    }
    if (timer.interval !== null && timers.has(id)) port.timer(-id, timer.interval);
    return true;
  }

  global("setTimeout", function setTimeout(callback, delay = 0, ...args) {
    return addTimer("setTimeout", callback, delay, false, args);
  });
  global("setInterval", function setInterval(callback, delay = 0, ...args) {
    return addTimer("setInterval", callback, delay, true, args);
  });
  global("clearTimeout", function clearTimeout(id) {
    timers.delete(id);
  });
  global("clearInterval", function clearInterval(id) {
    timers.delete(id);
  });
  global("queueMicrotask", function queueMicrotask(callback) {
    if (typeof callback !== "function") {
      throw new TypeErrorConstructor("queueMicrotask needs a function");
    }
    then(new PromiseConstructor((resolve) => resolve()), () => {
      try {
        callback();
      } catch (error) {
        runtime.fail(error);
      }
    });
  });

  class TextEncoder {
    get encoding() {
      return "utf-8";
    }

    encode(text = "") {
      const whole = apply(toWellFormed, StringConstructor(text), []);
      return fromBase64(port.encodeText(stringify(whole)));
    }
  }

  class TextDecoder {
    #fatal;
    #keepMark;

    constructor(label = "utf-8", { fatal = false, ignoreBOM = false } = {}) {
      const name = apply(toLowerCase, StringConstructor(label), []);
      if (name !== "utf-8" && name !== "utf8") {
        throw new RangeErrorConstructor(`TextDecoder knows utf-8 only, not '${label}'`);
      }
      this.#fatal = !!fatal;
      this.#keepMark = !!ignoreBOM;
    }

    get encoding() {
      return "utf-8";
    }

    decode(input, { stream = false } = {}) {
      if (stream) throw new TypeErrorConstructor("TextDecoder cannot decode a stream: join the parts");
      if (input === undefined) return "";
      const text = port.decodeText(apply(toBase64, bytesOf(input), []), this.#fatal);
      if (text === null) throw new TypeErrorConstructor("The bytes are not valid utf-8");
      const decoded = parse(text);
      return decoded[0] === "\ufeff" && !this.#keepMark ? apply(slice, decoded, [1]) : decoded;
    }
  }

  function bytesOf(input) {
    if (isView(input)) {
      return new BytesConstructor(input.buffer, input.byteOffset, input.byteLength);
    }
    if (input instanceof ArrayBufferConstructor) return new BytesConstructor(input);
    throw new TypeErrorConstructor("TextDecoder needs an ArrayBuffer or a view of one");
  }

  global("TextEncoder", TextEncoder);
  global("TextDecoder", TextDecoder);

  // structuredClone
  function clone(value, seen) {
    if (typeof value === "function" || typeof value === "symbol") {
      throw new DOMException(`A ${typeof value} cannot be cloned`, "DataCloneError");
    }
    if (typeof value !== "object" || value === null) return value;
    if (seen.has(value)) return seen.get(value);
    if (value instanceof MapConstructor || value instanceof SetConstructor) {
      return cloneCollection(value, seen);
    }
    const copy = cloneShell(value);
    seen.set(value, copy);
    if (isArray(value) || !isWhole(copy)) cloneMembers(value, copy, seen);
    return copy;
  }

  /** Return the copy of what has no members to clone, else an empty one. */
  function cloneShell(value) {
    if (isArray(value)) return [];
    if (value instanceof DateConstructor) return new DateConstructor(value.getTime());
    if (value instanceof RegExpConstructor) return new RegExpConstructor(value.source, value.flags);
    if (value instanceof ArrayBufferConstructor) return value.slice(0);
    if (isView(value)) {
      const { buffer, byteOffset, byteLength } = value;
      const part = buffer.slice(byteOffset, byteOffset + byteLength);
      return new (getPrototypeOf(value).constructor)(part);
    }
    if (isError(value)) {
      const copy = new (getPrototypeOf(value).constructor)(value.message);
      defineProperty(copy, "stack", { value: value.stack, writable: true, configurable: true });
      return copy;
    }
    if (value instanceof PromiseConstructor) {
      throw new DOMException("A Promise cannot be cloned", "DataCloneError");
    }
    return {};
  }

  function isWhole(copy) {
    return getPrototypeOf(copy) !== objectPrototype;
  }

  function cloneMembers(value, copy, seen) {
    for (const key of keys(value)) copy[key] = clone(value[key], seen);
    if (isArray(value)) copy.length = value.length;
  }

  function cloneCollection(value, seen) {
    const copy = value instanceof MapConstructor ? new MapConstructor() : new SetConstructor();
    seen.set(value, copy);
    if (value instanceof MapConstructor) {
      for (const [key, item] of value) copy.set(clone(key, seen), clone(item, seen));
    } else {
      for (const item of value) copy.add(clone(item, seen));
    }
    return copy;
  }

  global("structuredClone", function structuredClone(value) {
    return clone(value, new MapConstructor());
  });

  // The engine's clock began with the fork server, not with this run.
  let started = 0;
  const performanceObject = create(null);
  defineProperty(performanceObject, "now", { value: () => now() - started, enumerable: true });
  global("performance", performanceObject);

  closeCodeGeneration();
  Object.assign(runtime, {
    fire,
    startClock() {
      started = now();
    },
  });
});
