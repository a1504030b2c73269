// What people see of a run beside its result: how far it is, and how to show its tables.
(function (runtime) {
  "use strict";

  const TypeErrorConstructor = TypeError;
  const { isArray } = Array;
  const { setTimeout } = globalThis;
  const now = performance.now.bind(performance);
  const { ask, format } = runtime;

  const PAUSE_MS = 100;

  let told = -PAUSE_MS;
  let next = null;
  let isDue = false;

  function tell() {
    const args = next;
    next = null;
    told = now();
    ask("progress", args);
  }

  /** Tell the progress that was held back, if any. */
  function flushProgress() {
    if (next !== null) tell();
  }

  // At most ten a second reach the host; the last of them always does.
  function progress(fraction, message = null) {
    if (typeof fraction !== "number" || !(fraction >= 0 && fraction <= 1)) {
      throw new TypeErrorConstructor(
        `ctx.progress needs a fraction from 0 to 1, such as done / total, not ${format(fraction)}`,
      );
    }
    next = [fraction, message === null ? null : format(message)];
    if (now() - told >= PAUSE_MS) {
      tell();
    } else if (!isDue) {
      isDue = true;
      setTimeout(() => {
        isDue = false;
        flushProgress();
      }, PAUSE_MS);
    }
  }

  function table(key, options = {}) {
    if (typeof key !== "string" || key === "") {
      throw new TypeErrorConstructor(
        `ctx.table needs the key of the result that holds the rows, not ${format(key)}`,
      );
    }
    ask("display.table", [{ ...members(options, "ctx.table"), key }], "A table", "refuse");
  }

  function chart(spec) {
    ask("display.chart", [members(spec, "ctx.chart")], "A chart", "refuse");
  }

  function members(given, name) {
    if (typeof given === "object" && given !== null && !isArray(given)) return given;
    throw new TypeErrorConstructor(`${name} needs an object of options, not ${format(given)}`);
  }

  Object.assign(runtime, { chart, flushProgress, progress, table });
});
