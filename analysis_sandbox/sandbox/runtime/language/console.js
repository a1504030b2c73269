// Log lines: ctx.log, ctx.error and console.*.
(function (runtime) {
  "use strict";

  const { stringify } = JSON;
  const { isArray } = Array;
  const { parseFloat, parseInt } = Number;
  const ErrorConstructor = Error;
  const MapConstructor = Map;
  const StringConstructor = String;
  const { max } = Math;
  const { now } = Date;
  const { freeze, keys } = Object;
  const { format, global, own, port, scriptStack, uncurry } = runtime;
  const codePointAt = uncurry(String.prototype.codePointAt);
  const includes = uncurry(Array.prototype.includes);
  const mapEach = uncurry(Map.prototype.forEach);
  const push = uncurry(Array.prototype.push);
  const repeat = uncurry(String.prototype.repeat);
  const replace = uncurry(String.prototype.replace);
  const setEach = uncurry(Set.prototype.forEach);
  const toFixed = uncurry(Number.prototype.toFixed);
  const SetConstructor = Set;

  // Of a table, so that a million rows do not become one line.
  const MOST_ROWS = 1000;
  const counts = own(new MapConstructor(), "get", "set", "delete", "has");
  const clocks = own(new MapConstructor(), "get", "set", "delete", "has");
  let indent = "";

  function join(args, from = 0) {
    let text = "";
    for (let i = from; i < args.length; i++) text += (i > from ? " " : "") + format(args[i]);
    return text;
  }

  /** Write one line; `level` is debug, info, warning or error. */
  function log(level, args) {
    port.log(level, stringify(join(args)));
  }

  // console.log("%s has %d rows", name, count)
  function logFormatted(level, args) {
    let used = 1;
    let text = "";
    if (typeof args[0] === "string" && args.length > 1) {
      text = replace(args[0], /%[sdifjoOc%]/g, (mark) => {
        if (mark === "%%") return "%";
        if (used >= args.length) return mark;
        return substitute(mark, args[used++]);
      });
      if (used < args.length) text += ` ${join(args, used)}`;
    } else {
      text = join(args);
    }
    write(level, text);
  }

  function write(level, text) {
    port.log(level, stringify(indent === "" ? text : indent + replace(text, /\n/g, `\n${indent}`)));
  }

  function substitute(mark, value) {
    if (mark === "%c") return "";
    if (mark === "%d" || mark === "%i" || mark === "%f") return number(mark, value);
    return format(value);
  }

  function number(mark, value) {
    if (typeof value === "bigint" && mark !== "%f") return `${value}n`;
    if (typeof value === "symbol" || (typeof value === "object" && mark === "%d")) return "NaN";
    if (mark === "%i") return `${parseInt(value)}`;
    return mark === "%f" ? `${parseFloat(value)}` : `${+value}`;
  }

  function warn(text) {
    write("warning", `Warning: ${text}`);
  }

  const console = {
    log: (...args) => logFormatted("info", args),
    info: (...args) => logFormatted("info", args),
    debug: (...args) => logFormatted("debug", args),
    warn: (...args) => logFormatted("warning", args),
    error: (...args) => logFormatted("error", args),
    dir: (value) => write("info", format(value)),
    dirxml: (...args) => logFormatted("info", args),
    table: (rows, columns) => write("info", table(rows, columns)),
    trace: (...args) => {
      const stack = scriptStack(new ErrorConstructor().stack);
      write("debug", `Trace${args.length > 0 ? `: ${join(args)}` : ""}\n${stack}`);
    },
    assert: (condition, ...args) => {
      if (condition) return;
      const isText = typeof args[0] === "string";
      if (isText) args[0] = `Assertion failed: ${args[0]}`;
      logFormatted(
        "error",
        isText || args.length === 0 ? fallback(args) : ["Assertion failed", ...args],
      );
    },
    count: (label = "default") => {
      const name = `${label}`;
      counts.set(name, (counts.get(name) ?? 0) + 1);
      write("info", `${name}: ${counts.get(name)}`);
    },
    countReset: (label = "default") => {
      if (!counts.has(`${label}`)) warn(`Count for '${label}' does not exist`);
      counts.delete(`${label}`);
    },
    time: (label = "default") => {
      if (clocks.has(`${label}`)) warn(`Label '${label}' already exists for console.time()`);
      else clocks.set(`${label}`, now());
    },
    timeLog: (label = "default", ...args) => elapsed("timeLog", `${label}`, args),
    timeEnd: (label = "default") => {
      elapsed("timeEnd", `${label}`, []);
      clocks.delete(`${label}`);
    },
    timeStamp: () => undefined,
    profile: () => undefined,
    profileEnd: () => undefined,
    clear: () => undefined,
    group: (...args) => {
      if (args.length > 0) logFormatted("info", args);
      indent += "  ";
    },
    groupEnd: () => {
      indent = repeat("  ", max(indent.length / 2 - 1, 0));
    },
  };
  console.groupCollapsed = console.group;

  function fallback(args) {
    return args.length === 0 ? ["Assertion failed"] : args;
  }

  function elapsed(method, label, args) {
    const since = clocks.get(label);
    if (since === undefined) {
      warn(`No such label '${label}' for console.${method}()`);
      return;
    }
    const passed = now() - since;
    const shown = passed < 1000 ? `${passed}ms` : `${toFixed(passed / 1000, 3)}s`;
    write("info", `${label}: ${shown}${args.length > 0 ? ` ${join(args)}` : ""}`);
  }

  // console.table: a row per member, a column per key of them.
  function table(rows, only) {
    if (typeof rows !== "object" || rows === null) return format(rows);
    const { names, items, first } = members(rows);
    const columns = [];
    let hasValues = false;
    for (let i = 0; i < items.length; i++) {
      if (!isRow(items[i])) hasValues = true;
      else for (const key of keys(items[i])) if (!includes(columns, key)) push(columns, key);
    }
    const shown = isArray(only) ? only : columns;
    const lines = [[first, ...shown, ...(hasValues ? ["Values"] : [])]];
    for (let i = 0; i < items.length; i++) {
      const line = [names[i]];
      for (let k = 0; k < shown.length; k++) {
        const has = isRow(items[i]) && shown[k] in items[i];
        push(line, has ? cell(items[i][shown[k]]) : "");
      }
      if (hasValues) push(line, isRow(items[i]) ? "" : cell(items[i]));
      push(lines, line);
    }
    return draw(lines);
  }

  function members(rows) {
    const names = [];
    const items = [];
    const add = (name, item) => {
      if (items.length >= MOST_ROWS) return;
      push(names, StringConstructor(name));
      push(items, item);
    };
    if (rows instanceof MapConstructor) {
      mapEach(rows, (Values, Key) => add(items.length, { Key, Values }));
    } else if (rows instanceof SetConstructor) {
      setEach(rows, (item) => add(items.length, item));
    } else {
      const all = keys(rows);
      for (let i = 0; i < all.length && i < MOST_ROWS; i++) add(all[i], rows[all[i]]);
    }
    const isCounted = rows instanceof MapConstructor || rows instanceof SetConstructor;
    return { names, items, first: isCounted ? "(iteration index)" : "(index)" };
  }

  function isRow(item) {
    return typeof item === "object" && item !== null;
  }

  function cell(value) {
    return typeof value === "string" ? `'${value}'` : format(value);
  }

  // As wide as a terminal shows it: most of East Asia and emoji take two places.
  function widthOf(text) {
    let width = 0;
    for (let i = 0; i < text.length; i++) {
      const point = codePointAt(text, i);
      if (point > 0xffff) i += 1;
      const isWide = (point >= 0x1100 && point <= 0x115f) ||
        (point >= 0x2e80 && point <= 0xd7a3) ||
        (point >= 0xf900 && point <= 0xfaff) ||
        (point >= 0xff00 && point <= 0xff60) ||
        (point >= 0x1f300 && point <= 0x1faff);
      width += isWide ? 2 : 1;
    }
    return width;
  }

  function draw(lines) {
    const widths = [];
    for (let i = 0; i < lines.length; i++) {
      for (let k = 0; k < lines[i].length; k++) {
        widths[k] = max(widths[k] ?? 0, widthOf(lines[i][k]) + 2);
      }
    }
    const rule = (left, middle, right) => {
      let text = left;
      for (let k = 0; k < widths.length; k++) {
        text += (k > 0 ? middle : "") + repeat("─", widths[k]);
      }
      return text + right;
    };
    let text = rule("┌", "┬", "┐");
    for (let i = 0; i < lines.length; i++) {
      text += "\n│";
      for (let k = 0; k < widths.length; k++) {
        const value = ` ${lines[i][k]}`;
        text += `${value}${repeat(" ", widths[k] - widthOf(value))}│`;
      }
      if (i === 0) text += `\n${rule("├", "┼", "┤")}`;
    }
    return `${text}\n${rule("└", "┴", "┘")}`;
  }

  global("console", freeze(console));
  Object.assign(runtime, { log });
});
