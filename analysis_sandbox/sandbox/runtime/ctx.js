// ctx: what an analysis reaches the outside with. Built per run from the facts of the run.
(function (runtime) {
  "use strict";

  const { defineProperty, get, ownKeys } = Reflect;
  const { freeze, keys, values, create } = Object;
  const { isArray } = Array;
  const { isSafeInteger } = Number;
  const ProxyConstructor = Proxy;
  const NumberConstructor = Number;
  const TypeErrorConstructor = TypeError;
  const { ask, call, log, refusal, sleep, port } = runtime;

  // Asked of any object by JSON, await, templates and loggers: no name that a person meant.
  const INNER = own({ then: 1, toJSON: 1, toString: 1, valueOf: 1, constructor: 1, nodeType: 1 });

  function own(members) {
    return freeze(Object.assign(create(null), members));
  }

  function list(names) {
    let text = "";
    for (let i = 0; i < names.length; i++) text += (i > 0 ? ", " : "") + names[i];
    return text;
  }

  function deepFreeze(value) {
    if (typeof value !== "object" || value === null) return value;
    const items = values(value);
    for (let i = 0; i < items.length; i++) deepFreeze(items[i]);
    return freeze(value);
  }

  /** Give rows what code written for drivers expects: .rows, .columns and .rowCount. */
  function decorate(rows) {
    if (!isArray(rows)) return rows;
    const first = rows.length > 0 ? rows[0] : null;
    const columns = typeof first === "object" && first !== null ? keys(first) : [];
    defineProperty(rows, "rows", { value: rows });
    defineProperty(rows, "columns", { value: columns });
    defineProperty(rows, "rowCount", { value: rows.length });
    return rows;
  }

  /** Return `members`, with an error that lists them for every name it does not have. */
  function closed(members, explain) {
    return new ProxyConstructor(freeze(members), {
      get(target, name) {
        if (typeof name === "symbol" || name in target) return get(target, name);
        if (name in INNER) return undefined;
        throw explain(name);
      },
    });
  }

  function datasources(declared) {
    const members = create(null);
    const names = keys(declared);
    for (let i = 0; i < names.length; i++) {
      members[names[i]] = datasource(names[i], declared[names[i]]);
    }
    return closed(members, (name) => {
      const known = names.length > 0 ? `Declared: ${list(names)}` : "None is declared";
      return refusal("NotFoundError", `Datasource '${name}' not found. ${known}`);
    });
  }

  function datasource(name, { type, operations }) {
    const members = create(null);
    for (let i = 0; i < operations.length; i++) {
      const operation = operations[i];
      members[operation] =
        operation === "query"
          ? async (...args) => decorate(await call("datasource.call", name, operation, args))
          : (...args) => call("datasource.call", name, operation, args);
    }
    return closed(members, (operation) =>
      refusal(
        "UnsupportedOperationError",
        `Datasource '${name}' (${type}) has no operation '${operation}'. It offers: ${list(operations)}`,
      ),
    );
  }

  function duckdb(write) {
    return freeze({
      exec: write("ctx.duckdb.exec", (sql) => call("duckdb.exec", sql)),
      query: async (sql, params = null) => decorate(await call("duckdb.query", sql, params)),
      load: write("ctx.duckdb.load", (source, sql, table, options = null) =>
        call("duckdb.load", source, sql, table, options),
      ),
      tables: () => call("duckdb.tables"),
      describe: (table) => call("duckdb.describe", table),
    });
  }

  function metadata(facts, write) {
    const fixed = own({
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
      if (checked(key) in fixed) throw refusal("ReadOnlyError", `metadata '${key}' is read-only`);
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

  function duration(value) {
    const number = NumberConstructor(value);
    if (number >= 0) return number;
    throw new TypeErrorConstructor(`ctx.sleep needs milliseconds, not ${runtime.format(value)}`);
  }

  /** Build ctx. In a read-only one everything that writes throws. */
  function makeContext(facts) {
    const write = (name, action) =>
      facts.read_only
        ? () => {
            throw refusal("ReadOnlyError", `${name} is not available here: this code only reads`);
          }
        : action;
    return freeze({
      datasource: datasources(facts.datasources ?? {}),
      duckdb: duckdb(write),
      metadata: metadata(facts, write),
      schedule: deepFreeze(facts.schedule ?? null),
      runAnalysis: write("ctx.runAnalysis", (name, params = {}) =>
        call("runAnalysis", name, params ?? {}),
      ),
      log: (...args) => log("info", args),
      error: (...args) => log("error", args),
      sleep: async (milliseconds) => sleep(duration(milliseconds)),
      shouldStop: () => port.stopping(),
    });
  }

  Object.assign(runtime, { makeContext });
});
