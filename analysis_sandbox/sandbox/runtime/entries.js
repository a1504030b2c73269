// One call from start to end: import the script, call what was asked for, hand the outcome over.
(function (runtime) {
  "use strict";

  const { apply, defineProperty, has } = Reflect;
  const { isArray } = Array;
  const { isError } = Error;
  const { isPrototypeOf } = Object.prototype;
  const domException = DOMException.prototype;
  const { isView } = ArrayBuffer;
  const ErrorConstructor = Error;
  const PromiseConstructor = Promise;
  const TypeErrorConstructor = TypeError;
  const DateConstructor = Date;
  const MapConstructor = Map;
  const SetConstructor = Set;
  const Buffer = ArrayBuffer;
  const { toWellFormed } = String.prototype;
  const { encode, format, parse, port, scriptStack, then } = runtime;

  let finished = false;

  /** End the call with whatever was thrown. Without JSON, which a script may have broken. */
  function fail(thrown) {
    if (finished) return;
    try {
      report(thrown);
    } catch (problem) {
      // It has patched what is needed to say more, or there is no memory for it.
      const message = read(problem, "message", "The script threw what cannot be shown");
      const name = problem === null ? "null" : read(problem, "name", "Error");
      finishWith("script", 0, name, message, "");
    }
  }

  function report(thrown) {
    if (!isError(thrown) && !isDOMException(thrown)) {
      const name = thrown === null ? "null" : "Error";
      finishWith("script", 0, name, "The script threw " + format(thrown), "");
      return;
    }
    const kind = runtime.kindOf(thrown) ?? "script";
    const call = runtime.originOf(thrown) ?? 0;
    const stack = scriptStack(read(thrown, "stack", "")) + cause(thrown);
    finishWith(kind, call, read(thrown, "name", "Error"), read(thrown, "message", ""), stack);
  }

  // Not an Error to the engine, which every other one takes it for.
  function isDOMException(thrown) {
    return apply(isPrototypeOf, domException, [thrown]);
  }

  function finishWith(kind, call, name, message, stack) {
    finished = true;
    port.fail(kind, call, wellFormed(name), wellFormed(message), wellFormed(stack));
  }

  function wellFormed(text) {
    return apply(toWellFormed, text, []);
  }

  // The script may have replaced any of them by code that throws.
  function read(error, key, otherwise) {
    try {
      const value = error[key];
      return typeof value === "string" ? value : otherwise;
    } catch {
      return otherwise;
    }
  }

  function cause(error) {
    try {
      const inner = error.cause;
      if (!isError(inner)) return "";
      const stack = scriptStack(read(inner, "stack", ""));
      const headline = "Caused by " + read(inner, "name", "Error") + ": ";
      return headline + read(inner, "message", "") + "\n" + stack;
    } catch {
      return "";
    }
  }

  function problem(message) {
    return runtime.refusal("TypeError", message);
  }

  const entries = {
    describe: (namespace) => {
      const kind = exportKind(namespace);
      const value = kind === "object" ? namespace.default : null;
      return { export: kind, value };
    },
    run: (namespace, job, ctx) => {
      const analysis = definition(namespace);
      if (typeof analysis.run !== "function") {
        throw problem("The default export has no run function: add run(ctx, params)");
      }
      return apply(analysis.run, analysis, [ctx, parse(job.parameters)]);
    },
    options: (namespace, job, ctx) => {
      const parameter = definition(namespace).parameters?.[job.argument];
      if (typeof parameter?.options !== "function") {
        throw problem(`Parameter '${job.argument}' has no options function`);
      }
      return apply(parameter.options, parameter, [ctx, parse(job.parameters)]);
    },
    shouldRun: (namespace, job, ctx) => {
      const schedule = definition(namespace).schedule;
      if (typeof schedule?.shouldRun !== "function") {
        throw problem("The schedule has no shouldRun function");
      }
      return apply(schedule.shouldRun, schedule, [ctx, parse(job.parameters)]);
    },
  };

  function exportKind(namespace) {
    if (!has(namespace, "default")) return "missing";
    const value = namespace.default;
    if (value === null) return "null";
    return isArray(value) ? "array" : typeof value;
  }

  function definition(namespace) {
    const kind = exportKind(namespace);
    if (kind === "object") return namespace.default;
    throw problem(
      kind === "missing"
        ? "The script has no default export: write export default { title, run(ctx, params) {...} }"
        : `The default export must be an object, not ${kind}`,
    );
  }

  function isPlain(value) {
    return !(
      typeof value !== "object" ||
      value === null ||
      isArray(value) ||
      isView(value) ||
      value instanceof DateConstructor ||
      value instanceof MapConstructor ||
      value instanceof SetConstructor ||
      value instanceof PromiseConstructor ||
      value instanceof Buffer
    );
  }

  function conclude(entry, value) {
    if (entry === "shouldRun") return value ? "true" : "false";
    if (entry === "describe") return encode(value, "The definition", { functions: "mark" });
    if (entry !== "run") return encode(value, "The list of options");
    const text = isPlain(value) ? encode(value, "The result") : "";
    // A toJSON may have made anything of it.
    if (text[0] === "{") return text;
    throw problem("Analysis must return an object");
  }

  /** Node ends a program whose promise failed unnoticed; so does a run that would look completed. */
  function throwUnhandled() {
    const { rejections } = runtime;
    for (let i = 0; i < rejections.length; i++) {
      // The array in its own place: handled in the meantime.
      if (rejections[i] !== rejections) throw rejections[i];
    }
  }

  function warnAboutUnanswered() {
    const { count, first } = runtime.unanswered();
    if (count === 0) return;
    const calls = count === 1 ? `1 call (${first})` : `${count} calls (${first}, ...)`;
    runtime.log("warning", [
      `The script ended without waiting for ${calls}: await them, ` +
        "else nobody knows whether they took effect",
    ]);
  }

  /** Begin the call. Everything else happens in promise jobs and answers of the host. */
  function start(text) {
    const job = parse(text);
    runtime.setMostInFlight(job.most_in_flight);
    runtime.startClock();
    const ctx = runtime.makeContext(parse(job.context));
    const settle = (value) => {
      try {
        if (job.entry === "run") throwUnhandled();
        const answer = conclude(job.entry, value);
        runtime.flushProgress();
        warnAboutUnanswered();
        if (finished) return;
        finished = true;
        port.finish(answer);
      } catch (error) {
        fail(error);
      }
    };
    const begin = (namespace) => {
      try {
        const value = entries[job.entry](namespace, job, ctx);
        then(new PromiseConstructor((resolve) => resolve(value)), settle, fail);
      } catch (error) {
        fail(error);
      }
    };
    then(import(job.filename), begin, fail);
  }

  /** End the call because of a limit; the stack is the line that waits, if one does. */
  function expire(kind, message) {
    if (finished) return;
    finishWith(kind, 0, "Error", message, runtime.waitingStack());
  }

  Object.assign(runtime, { fail });
  const { deliver, fire, stop, wake } = runtime;
  const ended = (id) => (id < 0 ? fire(-id) : wake(id));
  for (const [name, action] of Object.entries({ start, deliver, ended, stop, expire })) {
    defineProperty(globalThis, `runtime_${name}`, { value: action, configurable: true });
  }
});
