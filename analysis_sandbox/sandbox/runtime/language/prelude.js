// What authors expect of a JavaScript runtime, and the doors that stay shut.
(function (runtime) {
  "use strict";

  const { apply, defineProperty, getPrototypeOf } = Reflect;
  const { create } = Object;
  const MapConstructor = Map;
  const NumberConstructor = Number;
  const PromiseConstructor = Promise;
  const TypeErrorConstructor = TypeError;
  const now = performance.now.bind(performance);
  const wallClock = Date.now;
  const { global, own, port, then } = runtime;

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
  const LONGEST = 2 ** 31 - 1;
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
    // Longer than 24 days is at once, as everywhere.
    return number > 0 && number <= LONGEST ? number : 0;
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
  global("setImmediate", function setImmediate(callback, ...args) {
    return addTimer("setImmediate", callback, 0, false, args);
  });
  for (const name of ["clearTimeout", "clearInterval", "clearImmediate"]) {
    const clear = (id) => {
      timers.delete(typeof id === "string" ? NumberConstructor(id) : id);
    };
    global(name, defineProperty(clear, "name", { value: name }) && clear);
  }
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

  // The engine's clock began with the fork server, not with this run.
  let started = 0;
  let origin = 0;
  const performanceObject = create(null);
  defineProperty(performanceObject, "now", { value: () => now() - started, enumerable: true });
  defineProperty(performanceObject, "timeOrigin", { get: () => origin, enumerable: true });
  global("performance", performanceObject);

  closeCodeGeneration();
  Object.assign(runtime, {
    fire,
    startClock() {
      started = now();
      origin = wallClock();
    },
  });
});
