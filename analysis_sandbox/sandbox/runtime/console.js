// Log lines: ctx.log, ctx.error and console.*.
(function (runtime) {
  "use strict";

  const { apply } = Reflect;
  const { stringify } = JSON;
  const { replace, repeat } = String.prototype;
  const ErrorConstructor = Error;
  const NumberConstructor = Number;
  const MapConstructor = Map;
  const { floor } = Math;
  const { now } = Date;
  const { freeze } = Object;
  const { format, own, port, scriptStack } = runtime;

  const counts = own(new MapConstructor(), "get", "set");
  const clocks = own(new MapConstructor(), "get", "set", "delete");
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
      text = apply(replace, args[0], [
        /%[sdifjoOc%]/g,
        (mark) => {
          if (mark === "%%") return "%";
          if (used >= args.length) return mark;
          return substitute(mark, args[used++]);
        },
      ]);
      if (used < args.length) text += ` ${join(args, used)}`;
    } else {
      text = join(args);
    }
    port.log(level, stringify(indent + text));
  }

  function substitute(mark, value) {
    if (mark === "%c") return "";
    if (mark === "%d" || mark === "%f") return `${NumberConstructor(value)}`;
    if (mark === "%i") return `${floor(NumberConstructor(value))}`;
    return format(value);
  }

  const console = {
    log: (...args) => logFormatted("info", args),
    info: (...args) => logFormatted("info", args),
    debug: (...args) => logFormatted("debug", args),
    warn: (...args) => logFormatted("warning", args),
    error: (...args) => logFormatted("error", args),
    dir: (value) => logFormatted("info", [value]),
    table: (value) => logFormatted("info", [value]),
    trace: (...args) => {
      logFormatted("debug", ["Trace:", ...args, `\n${scriptStack(new ErrorConstructor().stack)}`]);
    },
    assert: (condition, ...args) => {
      if (!condition) logFormatted("error", ["Assertion failed", ...args]);
    },
    count: (label = "default") => {
      counts.set(label, (counts.get(label) ?? 0) + 1);
      logFormatted("info", [`${format(label)}: ${counts.get(label)}`]);
    },
    countReset: (label = "default") => {
      counts.set(label, 0);
    },
    time: (label = "default") => {
      clocks.set(label, now());
    },
    timeLog: (label = "default") => elapsed(label),
    timeEnd: (label = "default") => {
      elapsed(label);
      clocks.delete(label);
    },
    group: (...args) => {
      if (args.length > 0) logFormatted("info", args);
      indent += "  ";
    },
    groupEnd: () => {
      indent = apply(repeat, "  ", [indent.length > 1 ? indent.length / 2 - 1 : 0]);
    },
  };
  console.groupCollapsed = console.group;

  function elapsed(label) {
    const since = clocks.get(label);
    if (since !== undefined) logFormatted("info", [`${format(label)}: ${now() - since} ms`]);
  }

  Object.defineProperty(globalThis, "console", {
    value: freeze(console),
    writable: true,
    configurable: true,
  });
  Object.assign(runtime, { log });
});
