// ctx: what an analysis reaches the outside with. Built per run from the facts of the run.
(function (runtime) {
  "use strict";

  const { freeze } = Object;
  const NumberConstructor = Number;
  const TypeErrorConstructor = TypeError;
  const { ask, call, closed, frozen, log, port, refuse, sleep, writer } = runtime;

  function metadata(facts, write) {
    const fixed = frozen({
      run_id: facts.run_id,
      analysis_id: facts.analysis_id,
      version: facts.version,
      attempt: facts.attempt,
    });
    const checked = (key) => {
      if (typeof key === "string" && key !== "") return key;
      throw new TypeErrorConstructor("A metadata key must be a string that is not empty");
    };
    const changeable = (key) => {
      if (checked(key) in fixed) throw refuse("read_only", `metadata '${key}' is read-only`);
      return key;
    };
    return freeze({
      get: (key) => (checked(key) in fixed ? fixed[key] : ask("metadata.get", [key])),
      has: (key) => checked(key) in fixed || ask("metadata.has", [key]),
      list: () => ask("metadata.list", []),
      set: write("ctx.metadata.set", (key, value) => {
        if (value === undefined) {
          throw new TypeErrorConstructor(
            `The value of metadata '${key}' is undefined, which has no JSON form: delete the key`,
          );
        }
        ask("metadata.set", [changeable(key), value], `The value of metadata '${key}'`, "refuse");
      }),
      delete: write("ctx.metadata.delete", (key) => ask("metadata.delete", [changeable(key)])),
    });
  }

  const files = closed({ __proto__: null }, (name) =>
    refuse(
      "unsupported",
      `ctx.files.${name} is not available: this version has no uploads. ` +
        "Read the data from a datasource or from the warehouse",
    ),
  );

  function duration(value) {
    const number = NumberConstructor(value);
    if (number >= 0) return number;
    throw new TypeErrorConstructor(`ctx.sleep needs milliseconds, not ${runtime.format(value)}`);
  }

  /** Build ctx. In a read-only one everything that writes throws. */
  function makeContext(facts) {
    const write = writer(facts.read_only);
    const declared = frozen(facts.datasources ?? {});
    return freeze({
      datasource: runtime.datasources(declared),
      duckdb: runtime.duckdb(write),
      metadata: metadata(facts, write),
      schedule: runtime.deepFreeze(facts.schedule ?? null),
      utils: runtime.utils,
      files,
      DataFrame: runtime.DataFrame,
      ...runtime.shortcuts(declared, write),
      runAnalysis: write("ctx.runAnalysis", (name, params = {}) =>
        call("runAnalysis", name, params ?? {}),
      ),
      progress: write("ctx.progress", runtime.progress),
      table: write("ctx.table", runtime.table),
      chart: write("ctx.chart", runtime.chart),
      log: (...args) => log("info", args),
      error: (...args) => log("error", args),
      sleep: async (milliseconds) => sleep(duration(milliseconds)),
      shouldStop: () => port.stopping(),
    });
  }

  Object.assign(runtime, { makeContext });
});
