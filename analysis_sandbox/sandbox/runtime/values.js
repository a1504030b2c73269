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
  const StringConstructor = String;
  const BigIntConstructor = BigInt;
  const TypeErrorConstructor = TypeError;
  const Bytes = Uint8Array;
  const Clamped = Uint8ClampedArray;
  const Buffer = ArrayBuffer;
  const View = DataView;
  const MapConstructor = Map;
  const SetConstructor = Set;
  const RegExpConstructor = RegExp;
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

  function write(value, replace, what) {
    try {
      return stringify(value, replace);
    } catch (error) {
      if (isError(error) && error.message === "circular reference") {
        throw new TypeErrorConstructor(`${what} refers to itself, which has no JSON form`);
      }
      throw error;
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
      if (names[0] === BYTES) return fromBase64(value[BYTES]);
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

  /** Return a value as a person wants to see it in a log. Never throws for what JSON cannot say. */
  function format(value) {
    switch (typeof value) {
      case "string":
        return value;
      case "undefined":
        return "undefined";
      case "bigint":
        return `${value}n`;
      case "function":
        return `[Function: ${value.name || "anonymous"}]`;
      case "object":
        return value === null ? "null" : formatObject(value);
      default:
        return StringConstructor(value);
    }
  }

  function formatObject(value) {
    if (isError(value)) return formatError(value);
    // Side by side: the containers on the way down, and what is shown in their place.
    const originals = [];
    const shown = [];
    try {
      const text = stringify(value, function (_key, item) {
        if (typeof item === "undefined") return item;
        if (typeof item !== "object") return typeof item === "symbol" ? "[Symbol]" : plain(item);
        if (item === null) return null;
        if (isError(item)) return formatError(item);
        while (shown.length > 0 && shown[shown.length - 1] !== this) {
          shown.length -= 1;
          originals.length -= 1;
        }
        for (let i = 0; i < originals.length; i++) if (originals[i] === item) return "[Circular]";
        const container = formatContainer(item);
        if (typeof container === "object") {
          define(originals, originals.length, item);
          define(shown, shown.length, container);
        }
        return container;
      });
      return text === undefined ? StringConstructor(value) : text;
    } catch (error) {
      return `[cannot be shown: ${isError(error) ? error.message : "its own code throws"}]`;
    }
  }

  function plain(item) {
    return typeof item === "bigint" || typeof item === "function" ? format(item) : item;
  }

  function formatContainer(item) {
    if (isView(item)) return `[${item[Symbol.toStringTag] ?? "DataView"} of ${item.byteLength} bytes]`;
    if (item instanceof Buffer) return `[ArrayBuffer of ${item.byteLength} bytes]`;
    if (item instanceof RegExpConstructor) return StringConstructor(item);
    if (item instanceof MapConstructor) return { "[Map]": [...item] };
    if (item instanceof SetConstructor) return { "[Set]": [...item] };
    return item;
  }

  function formatError(error) {
    return `${error.name}: ${error.message}`;
  }

  Object.assign(runtime, { encode, encodeArguments, decode, format, parse, stringify });
});
