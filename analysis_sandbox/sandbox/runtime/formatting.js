// How a value looks in a log and in messages.
(function (runtime) {
  "use strict";

  const { isView } = ArrayBuffer;
  const { isError } = Error;
  const StringConstructor = String;
  const Buffer = ArrayBuffer;
  const MapConstructor = Map;
  const SetConstructor = Set;
  const RegExpConstructor = RegExp;
  const { define, write } = runtime;

  // While it is not 0 a DataFrame is a short text, not all its rows.
  let formatting = 0;

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
        return `[Function: ${nameOf(value)}]`;
      case "object":
        if (value === null) return "null";
        return runtime.isCalculation(value) ? value.toString() : formatObject(value);
      default:
        return StringConstructor(value);
    }
  }

  function nameOf(named) {
    try {
      const { name } = named;
      return typeof name === "string" && name !== "" ? name : "anonymous";
    } catch {
      return "anonymous";
    }
  }

  function formatObject(value) {
    if (isError(value)) return formatError(value);
    // Side by side: the containers on the way down, and what is shown in their place.
    const originals = [];
    const shown = [];
    formatting += 1;
    try {
      const text = write(value, function (_key, item) {
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
      }, "It");
      return text === undefined ? StringConstructor(value) : text;
    } catch (error) {
      return `[cannot be shown: ${isError(error) ? error.message : "its own code throws"}]`;
    } finally {
      formatting -= 1;
    }
  }

  function plain(item) {
    return typeof item === "bigint" || typeof item === "function" ? format(item) : item;
  }

  function formatContainer(item) {
    if (isView(item)) {
      return `[${item[Symbol.toStringTag] ?? "DataView"} of ${item.byteLength} bytes]`;
    }
    if (item instanceof Buffer) return `[ArrayBuffer of ${item.byteLength} bytes]`;
    if (item instanceof RegExpConstructor) return StringConstructor(item);
    if (item instanceof MapConstructor) return { "[Map]": [...item] };
    if (item instanceof SetConstructor) return { "[Set]": [...item] };
    return item;
  }

  function formatError(error) {
    return `${error.name}: ${error.message}`;
  }

  runtime.format = format;
  runtime.isFormatting = () => formatting > 0;
});
