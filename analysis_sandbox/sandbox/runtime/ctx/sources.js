// What holds data: the declared datasources, the warehouse, the run's own database.
(function (runtime) {
  "use strict";

  const { apply } = Reflect;
  const { isArray } = Array;
  const { create, freeze, keys } = Object;
  const { slice } = String.prototype;
  const TypeErrorConstructor = TypeError;
  const DateConstructor = Date;
  const ProxyConstructor = Proxy;
  const { call, closed, decorate, frameHandle, listed, log, makeDataFrame, refuse, stream } =
    runtime;

  const MOST_SHOWN = 2000;
  const OBJECT_STORES = { __proto__: null, s3: true, gcs: true, azure: true };
  // Asked of any object by JSON, await, templates and loggers: no name that a person meant.
  const INNER = { __proto__: null, then: 1, toJSON: 1, toString: 1, valueOf: 1, constructor: 1 };

  /** Return ctx.datasource: a member for each declared one, an error for any other. */
  function datasources(declared) {
    const members = create(null);
    const names = keys(declared);
    for (let i = 0; i < names.length; i++) {
      members[names[i]] = datasource(names[i], declared[names[i]]);
    }
    return closed(members, (name) => unknown(`'${name}' not found`, names));
  }

  function unknown(what, names) {
    const known = names.length > 0 ? `Declared: ${listed(names)}` : "None is declared";
    return refuse("not_found", `Datasource ${what}. ${known}`);
  }

  function datasource(name, { type, operations, streams = [] }) {
    const members = create(null);
    for (let i = 0; i < operations.length; i++) {
      members[operations[i]] = operation(name, type, operations[i]);
    }
    for (let i = 0; i < streams.length; i++) {
      members[streams[i]] = (...args) => stream(name, streams[i], args);
    }
    if ("invoke" in members) members.operations = describedOperations(name);
    const offered = keys(members);
    return closed(members, (wanted) =>
      refuse(
        "unsupported",
        `Datasource '${name}' (${type}) has no operation '${wanted}'. It offers: ${listed(offered)}`,
      ),
    );
  }

  function operation(name, type, kind) {
    if (kind === "query") {
      return async (...args) => decorate(await call("datasource.call", name, kind, args));
    }
    if (kind === "frame") {
      return async (sql, params = null) =>
        makeDataFrame(await call("datasource.frame", name, sql, params));
    }
    if (kind === "list" && OBJECT_STORES[type] === true) {
      return async (...args) => dated(await call("datasource.call", name, kind, args));
    }
    return (...args) => call("datasource.call", name, kind, args);
  }

  /** The operations that a document describes: which there are is known to the host only. */
  function describedOperations(name) {
    return new ProxyConstructor(freeze(create(null)), {
      get(_target, wanted) {
        if (typeof wanted === "symbol" || wanted in INNER) return undefined;
        return (args = {}) => call("datasource.call", name, "invoke", [wanted, args]);
      },
    });
  }

  /** Make the texts of `lastModified` dates. */
  function dated(found) {
    if (!isArray(found)) return found;
    for (let i = 0; i < found.length; i++) {
      const item = found[i];
      if (typeof item === "object" && item !== null && typeof item.lastModified === "string") {
        item.lastModified = new DateConstructor(item.lastModified);
      }
    }
    return found;
  }

  /** Return ctx.duckdb. `write` guards what changes the project's tables. */
  function duckdb(write) {
    return freeze({
      exec: write("ctx.duckdb.exec", (sql, params = null) =>
        params === null ? call("duckdb.exec", sql) : call("duckdb.exec", sql, params),
      ),
      query: async (sql, params = null, options = null) =>
        decorate(
          options === null
            ? await call("duckdb.query", sql, params)
            : await call("duckdb.query", sql, params, options),
        ),
      frame: async (sql, params = null) => makeDataFrame(await call("duckdb.frame", sql, params)),
      load: write("ctx.duckdb.load", (source, sql, table, options = null) =>
        call("duckdb.load", source, sql, table, options),
      ),
      saveDataFrame: write("ctx.duckdb.saveDataFrame", async (frame, table, options = null) => {
        const given = isArray(frame) ? frame : frameHandle(frame);
        // Awaited here: a frame that nobody holds any more would be forgotten before it is saved.
        const saved = await call("duckdb.saveDataFrame", given, table, options);
        return saved;
      }),
      export: write("ctx.duckdb.export", (table, target, name, options = null) =>
        call("duckdb.export", table, target, name, options),
      ),
      drop: write("ctx.duckdb.drop", (table) => call("duckdb.drop", table)),
      result: (table, options = null) => call("duckdb.result", table, options),
      tables: () => call("duckdb.tables"),
      describe: (table) => call("duckdb.describe", table),
    });
  }

  function shown(sql) {
    if (typeof sql !== "string" || sql.length <= MOST_SHOWN) return sql;
    return `${apply(slice, sql, [0, MOST_SHOWN])} … (${sql.length} characters)`;
  }

  /** Return ctx.query, ctx.loadData and ctx.queryDatasource. */
  function shortcuts(declared, write) {
    async function queryDatasource(name, sql, params = null) {
      const source = typeof name === "string" ? declared[name] : undefined;
      if (source === undefined) throw unknown(`not found: ${runtime.format(name)}`, keys(declared));
      log("info", [`[query:datasource] ${name} ${runtime.format(shown(sql))}`]);
      const args = params === null ? [sql] : [sql, params];
      return decorate(await call("datasource.call", name, "query", args));
    }

    async function query(sql, params = null, more = null) {
      if (typeof params === "string") return queryDatasource(sql, params, more);
      log("info", [`[query:duckdb] ${runtime.format(shown(sql))}`]);
      return decorate(await call("scratch.query", sql, params));
    }

    async function loadData(table, rows) {
      const given = isArray(rows) ? rows : { $frame: frameHandle(rows) };
      if (isArray(rows) && rows.length === 0) {
        throw new TypeErrorConstructor(
          "ctx.loadData got no rows, which tell no columns: create the table with ctx.query",
        );
      }
      const count = await call("scratch.load", table, given);
      log("info", [`[loadData] Loaded ${count} rows into ${table}`]);
      return count;
    }

    return { query, queryDatasource, loadData: write("ctx.loadData", loadData) };
  }

  Object.assign(runtime, { datasources, duckdb, shortcuts });
});
