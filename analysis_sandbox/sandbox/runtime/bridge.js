// Host calls: what a script asks of the host, what comes back, and the errors on both ways.
//
// Every intrinsic that is needed after the script has started is captured here or in the other
// runtime files while they load, so that a script that patches one only hurts itself.
(function (runtime) {
  "use strict";

  const { apply, defineProperty, getPrototypeOf } = Reflect;
  const { parse } = JSON;
  const { create } = Object;
  const MapConstructor = Map;
  const WeakMapConstructor = WeakMap;
  const ErrorConstructor = Error;
  const PromiseConstructor = Promise;
  const promiseThen = Promise.prototype.then;
  const { split, indexOf } = String.prototype;

  /** Return `container` with the methods it needs as its own, out of reach of patched prototypes. */
  function own(container, ...names) {
    const prototype = getPrototypeOf(container);
    for (const name of names) defineProperty(container, name, { value: prototype[name] });
    return container;
  }

  const port = create(null);
  for (const name of [
    "call",
    "ask",
    "log",
    "timer",
    "stopping",
    "finish",
    "fail",
    "encodeText",
    "decodeText",
  ]) {
    port[name] = globalThis[`port_${name}`];
    delete globalThis[`port_${name}`];
  }

  const writeLine = port.log;
  // The line that is one too many ends the run, even if the script catches what it throws.
  port.log = (level, text) => {
    const problem = writeLine(level, text);
    if (problem) throw tooLarge(new ErrorConstructor(), problem);
  };

  // Dispatched and not yet answered, by id, in the order of dispatch.
  const pending = own(new MapConstructor(), "get", "set", "delete", "forEach");
  // What the supervisor needs to know about an error: the call it came from, or its kind.
  const origins = own(new WeakMapConstructor(), "get", "set");
  const kinds = own(new WeakMapConstructor(), "get", "set");
  let sequence = 0;
  let inFlight = 0;
  let mostInFlight = 1;
  let stopped = false;
  let latestSite = null;
  let firstWaiting = null;
  let lastWaiting = null;

  function then(promise, fulfilled, rejected) {
    return apply(promiseThen, promise, [fulfilled, rejected]);
  }

  /** Return the stack without the frames of the runtime. */
  function scriptStack(stack) {
    let text = "";
    const lines = apply(split, stack, ["\n"]);
    for (let i = 0; i < lines.length; i++) {
      if (lines[i] !== "" && apply(indexOf, lines[i], ["(analysis-sandbox:"]) < 0) {
        // Not a template: the engine would ask String.prototype.concat, which a script may have changed.
        text += lines[i] + "\n";
      }
    }
    return text;
  }

  function define(target, name, value) {
    defineProperty(target, name, { value, writable: true, configurable: true, enumerable: false });
  }

  /** Make `site`, an error created where the script called, into the one that it gets. */
  function failure(site, { name, message, code, hint, details }) {
    define(site, "name", name);
    define(site, "message", message);
    define(site, "stack", scriptStack(site.stack));
    if (code) define(site, "code", code);
    if (hint) define(site, "hint", hint);
    if (details) define(site, "details", details);
    return site;
  }

  /** Return an error of ours. `kind` is how the supervisor files it when nobody catches it. */
  function refusal(name, message, kind) {
    const error = failure(new ErrorConstructor(), { name, message });
    if (kind) kinds.set(error, kind);
    return error;
  }

  function cancelled(site, name) {
    const error = failure(site, {
      name: "CancelledError",
      message: `${name} was given up because the run is being stopped`,
      code: "CANCELLED",
    });
    kinds.set(error, "cancelled");
    return error;
  }

  function dispatch(entry) {
    pending.set(entry.id, entry);
    inFlight += 1;
    const problem = port.call(entry.id, entry.name, entry.text);
    if (problem) {
      remove(entry);
      entry.reject(tooLarge(entry.site, problem));
    }
    entry.text = "";
  }

  function tooLarge(site, message) {
    const error = failure(site, { name: "LimitExceededError", message, code: "LIMIT_EXCEEDED" });
    kinds.set(error, "limit");
    return error;
  }

  function remove(entry) {
    pending.delete(entry.id);
    if (entry.isSleep) return;
    inFlight -= 1;
    while (firstWaiting !== null && inFlight < mostInFlight) {
      const next = firstWaiting;
      firstWaiting = next.next;
      if (firstWaiting === null) lastWaiting = null;
      dispatch(next);
    }
  }

  /** Call an asynchronous host function; more than the limit allows wait for their turn. */
  function call(name, ...args) {
    const site = (latestSite = new ErrorConstructor());
    return new PromiseConstructor((resolve, reject) => {
      if (stopped) {
        reject(cancelled(site, name));
        return;
      }
      const text = runtime.encodeArguments(args, `An argument of ${name}`, "drop");
      const id = ++sequence;
      const entry = { id, name, text, site, resolve, reject, isSleep: false, next: null };
      if (inFlight < mostInFlight) {
        dispatch(entry);
      } else {
        if (lastWaiting === null) firstWaiting = entry;
        else lastWaiting.next = entry;
        lastWaiting = entry;
      }
    });
  }

  /** Call a synchronous host function: the script waits. */
  function ask(name, args, what = `An argument of ${name}`, functions = "drop") {
    const text = runtime.encodeArguments(args, what, functions);
    const id = ++sequence;
    const answer = parse(port.ask(id, name, text));
    if (answer[0] === "reply") return answer[2] ? runtime.decode(answer[3]) : answer[3];
    const error = failure(new ErrorConstructor(), answer[2]);
    if (answer[2].kind) kinds.set(error, answer[2].kind);
    else origins.set(error, id);
    throw error;
  }

  function sleep(milliseconds) {
    const site = (latestSite = new ErrorConstructor());
    return new PromiseConstructor((resolve, reject) => {
      if (stopped) {
        resolve();
        return;
      }
      const id = ++sequence;
      pending.set(id, { id, name: "ctx.sleep", site, resolve, reject, isSleep: true });
      port.timer(id, milliseconds);
    });
  }

  /** Take one answer of the host. */
  function deliver(text) {
    const answer = parse(text);
    const entry = pending.get(answer[1]);
    if (entry === undefined) return;
    remove(entry);
    if (answer[0] === "reply") {
      entry.resolve(answer[2] ? runtime.decode(answer[3]) : answer[3]);
    } else {
      const error = failure(entry.site, answer[2]);
      origins.set(error, entry.id);
      entry.reject(error);
    }
  }

  /** End the wait of one sleep. */
  function wake(id) {
    const entry = pending.get(id);
    if (entry === undefined) return false;
    remove(entry);
    entry.resolve();
    return true;
  }

  /** The run is being stopped: sleeps end, calls fail, at once. */
  function stop() {
    stopped = true;
    while (firstWaiting !== null) {
      firstWaiting.reject(cancelled(firstWaiting.site, firstWaiting.name));
      firstWaiting = firstWaiting.next;
    }
    lastWaiting = null;
    pending.forEach((entry) => {
      remove(entry);
      if (entry.isSleep) entry.resolve();
      else entry.reject(cancelled(entry.site, entry.name));
    });
  }

  /** Return the stack of the longest waiting call; if none waits, of the latest. */
  function waitingStack() {
    let site = null;
    pending.forEach((entry) => {
      if (site === null) site = entry.site;
    });
    if (site === null) site = latestSite;
    return site === null ? "" : scriptStack(site.stack);
  }

  /** Return how many calls have no answer yet, and the name of the first. */
  function unanswered() {
    const found = { count: 0, first: "" };
    pending.forEach((entry) => {
      if (entry.isSleep) return;
      if (found.count === 0) found.first = entry.name;
      found.count += 1;
    });
    return found;
  }

  Object.assign(runtime, {
    rejections: [],
    port,
    own,
    then,
    call,
    ask,
    sleep,
    deliver,
    wake,
    stop,
    waitingStack,
    unanswered,
    refusal,
    scriptStack,
    setMostInFlight(count) {
      mostInFlight = count;
    },
    originOf: (error) => origins.get(error),
    kindOf: (error) => kinds.get(error),
  });
});
