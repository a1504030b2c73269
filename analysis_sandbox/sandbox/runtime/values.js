// How values leave and enter a script: the table of analysis_sandbox.values, from this side.
(function (runtime) {
  "use strict";

  const { stringify, parse } = JSON;
  const { isArray } = Array;
  const { isView } = ArrayBuffer;
  const { keys } = Object;
  const { apply, defineProperty } = Reflect;
  const { indexOf, slice } = String.prototype;
  const { toBase64 } = Uint8Array.prototype;
  const { fromBase64 } = Uint8Array;
  const { isError } = Error;
  const NumberConstructor = Number;
  const BigIntConstructor = BigInt;
  const TypeErrorConstructor = TypeError;
  const Bytes = Uint8Array;
  const Clamped = Uint8ClampedArray;
  const Buffer = ArrayBuffer;
  const View = DataView;
  const MapConstructor = Map;
  const SetConstructor = Set;
  const PromiseConstructor = Promise;
  const RegExpConstructor = RegExp;
  // As a function of the object first: out of reach of patched prototypes.
  const uncurry = Function.prototype.bind.bind(Function.prototype.call);
  const viewBuffer = (view) => new Bytes(view.buffer, view.byteOffset, view.byteLength);

  const TAG = "\ue000";
  const BYTES = `${TAG}bytes`;
  const BIGINT = `${TAG}bigint`;
  const FUNCTION = `${TAG}function`;
  const MARK = `"${TAG}`;
  const SAFE = 9007199254740991n;
  const MAX_DEPTH = 200;

  /**
   * Return the JSON text of `value`, which messages call `what`; bytes become tags, a Map or Set is
   * an error.
   *
   * `bigint`: "tag" keeps it, "text" makes it a number, or a string beyond 2**53.
   * `functions`: "drop" as JSON does, "mark" them (definitions), "refuse" all that is not JSON.
   */
  function encode(value, what, { bigint = "text", functions = "drop" } = {}) {
    let tags = 0;

    function replace(_key, item) {
      switch (typeof item) {
        case "object":
          return item === null ? null : replaceObject(item);
        case "bigint":
          return replaceBigint(item);
        case "string":
          // Text that says it is a function must not become one where functions are marked.
          return functions === "mark" && item === FUNCTION ? TAG + item : item;
        case "function":
          if (functions === "mark") return FUNCTION;
          if (functions === "refuse") throw notJson("a function");
          return item;
        case "symbol":
          if (functions === "refuse") throw notJson("a symbol");
          return item;
        default:
          return item;
      }
    }

    function replaceObject(item) {
      if (runtime.isStrayExpression(item)) {
        throw notJson("a column expression", "use it in a method of a DataFrame");
      }
      if (isView(item)) {
        if (item instanceof Bytes || item instanceof Clamped || item instanceof View) {
          return bytes(viewBuffer(item));
        }
        const numbers = [];
        for (let i = 0; i < item.length; i++) define(numbers, i, item[i]);
        return numbers;
      }
      if (item instanceof Buffer) return bytes(new Bytes(item));
      if (item instanceof MapConstructor) throw notJson("a Map", "use Object.fromEntries(map)");
      if (item instanceof SetConstructor) throw notJson("a Set", "use [...set]");
      if (item instanceof PromiseConstructor) throw notJson("a Promise", "await it");
      if (functions === "mark" && item instanceof RegExpConstructor) return item.source;
      return item;
    }

    function bytes(item) {
      if (functions === "refuse") throw notJson("bytes");
      tags += 1;
      return { [BYTES]: apply(toBase64, item, []) };
    }

    function replaceBigint(item) {
      if (functions === "refuse") throw notJson("a BigInt");
      if (bigint === "tag") {
        tags += 1;
        return { [BIGINT]: `${item}` };
      }
      return item >= -SAFE && item <= SAFE ? NumberConstructor(item) : `${item}`;
    }

    function notJson(kind, advice) {
      return new TypeErrorConstructor(
        `${what} contains ${kind}, which has no JSON form${advice ? `: ${advice}` : ""}`,
      );
    }

    let text = write(value, replace, what);
    if (text === undefined) {
      if (functions === "refuse") throw notJson("undefined");
      return "null";
    }
    if (count(text, MARK) > tags) {
      // Text that looks like a tag: keys that do are escaped, which takes a second pass.
      text = write(value, (key, item) => escapeKeys(item, replace(key, item)), what);
    }
    return text;
  }

  /** Return the JSON text of a call's arguments; most are text and numbers and need no care. */
  function encodeArguments(args, what, functions) {
    // Its own, so that no patched prototype makes something else of the list.
    defineProperty(args, "toJSON", { value: undefined });
    for (let i = 0; i < args.length; i++) {
      const item = args[i];
      const kind = typeof item;
      if (
        (kind === "object" && item !== null) ||
        kind === "bigint" ||
        (functions === "refuse" && kind !== "string" && kind !== "number" && kind !== "boolean")
      ) {
        return encode(args, what, { bigint: "tag", functions });
      }
    }
    return stringify(args);
  }

  // While it is not 0 a Buffer stays bytes: its toJSON, made for scripts, gives a list of numbers.
  let writing = 0;

  function write(value, replace, what) {
    writing += 1;
    try {
      return stringify(value, replace);
    } catch (error) {
      if (isError(error) && error.message === "circular reference") {
        throw new TypeErrorConstructor(`${what} refers to itself, which has no JSON form`);
      }
      throw error;
    } finally {
      writing -= 1;
    }
  }

  function escapeKeys(original, item) {
    // What was replaced is a tag of ours or plain.
    if (item !== original || typeof item !== "object" || item === null || isArray(item)) {
      return item;
    }
    const copy = {};
    const names = keys(item);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      define(copy, name[0] === TAG ? TAG + name : name, item[name]);
    }
    return copy;
  }

  function define(target, name, value) {
    defineProperty(target, name, { value, writable: true, configurable: true, enumerable: true });
  }

  function count(text, mark) {
    let found = 0;
    let at = apply(indexOf, text, [mark]);
    while (at >= 0) {
      found += 1;
      at = apply(indexOf, text, [mark, at + mark.length]);
    }
    return found;
  }

  /** Replace the tags in parsed JSON by what they stand for. */
  function decode(value, depth = 0) {
    if (typeof value !== "object" || value === null) return value;
    if (depth > MAX_DEPTH) throw new TypeErrorConstructor("An answer is nested too deeply");
    if (isArray(value)) {
      for (let i = 0; i < value.length; i++) value[i] = decode(value[i], depth + 1);
      return value;
    }
    const names = keys(value);
    if (names.length === 1 && typeof value[names[0]] === "string") {
      if (names[0] === BYTES) return runtime.asBuffer(fromBase64(value[BYTES]));
      if (names[0] === BIGINT) return BigIntConstructor(value[BIGINT]);
    }
    const revived = {};
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      const real = name[0] === TAG ? apply(slice, name, [1]) : name;
      define(revived, real, decode(value[name], depth + 1));
    }
    return revived;
  }

  /** Make `value` a global, as the language's own are: not enumerable. */
  function global(name, value) {
    defineProperty(globalThis, name, { value, writable: true, configurable: true });
  }

  Object.assign(runtime, {
    uncurry,
    global,
    encode,
    encodeArguments,
    decode,
    parse,
    stringify,
    define,
    write,
    isWriting: () => writing > 0,
  });
});
