// DataFrame: a table that the host holds and calculates; the script holds its number.
(function (runtime) {
  "use strict";

  const { freeze, keys } = Object;
  const { isArray } = Array;
  const { stringify } = JSON;
  const TypeErrorConstructor = TypeError;
  const { checkedCondition, columnsOf, cross, guard, isExpression, iterate, keepRows } = runtime;
  const { kindOfValue, memberNames, operands, setMember, sortArguments } = runtime;
  const { suggestion, visitRows } = runtime;

  const PREVIEW_ROWS = 5;
  const DROPPED_AT_ONCE = 20;
  // What arrays and other libraries call it.
  const ADVICE = Object.assign(Object.create(null), {
    length: "The number of rows is df.height",
    size: "The number of rows is df.height",
    shape: "The number of rows is df.height, the names of the columns are df.columns",
    rows: "The rows are df.collect()",
    orderBy: "Use .sort(column, ascending)",
    where: "Use .filter(condition)",
    groupby: "Use .groupBy(column)",
    merge: "Use .join(other, on)",
    agg: "Use .groupBy().agg({...}), without a column for one row of totals",
    dtypes: "The types are in df.schema",
    toArray: "Use .collect()",
    to_dicts: "Use .collect()",
    print: "Use ctx.log(df)",
    show: "Use ctx.log(df)",
  });
  const ARRAY_METHODS = Object.create(null);
  for (const name of memberNames(Array.prototype)) ARRAY_METHODS[name] = true;

  function send(name, args, what) {
    return cross(() => runtime.ask(name, args, what));
  }

  // Frames that the script has dropped; the host forgets them too, several at a time.
  let dropped = [];
  const registry = new FinalizationRegistry((handle) => {
    dropped[dropped.length] = handle;
    if (dropped.length < DROPPED_AT_ONCE) return;
    const handles = dropped;
    dropped = [];
    try {
      for (let i = 0; i < handles.length; i++) runtime.ask("frame.release", [handles[i]]);
    } catch {
      // Nobody called: whatever ends the run is told where somebody did.
    }
  });
  const register = registry.register.bind(registry);

  class DataFrame {
    #handle;

    constructor(handle) {
      this.#handle = handle;
      register(this, handle);
      freeze(this);
    }

    static is(value) {
      return #handle in value;
    }

    static handle(frame) {
      return frame.#handle;
    }

    filter(...conditions) {
      if (conditions.length === 1 && typeof conditions[0] === "function") {
        return new DataFrame(keepRows(this.#handle, conditions[0]));
      }
      if (conditions.length === 0) throw new TypeErrorConstructor("filter() needs a condition");
      const checked = [];
      for (let i = 0; i < conditions.length; i++) {
        checked[i] = checkedCondition(conditions[i], "filter()");
      }
      return step(this, "filter", checked);
    }

    withColumn(...args) {
      const name = args[0];
      const value = args[1];
      if (typeof name !== "string") {
        throw new TypeErrorConstructor(
          `withColumn() needs the name of the new column first, not ${kindOfValue(name)}`,
        );
      }
      if (typeof value === "function") return attached(this, this, { [name]: value });
      if (args.length === 2) return step(this, "withColumn", args, 2);
      throw new TypeErrorConstructor(
        "withColumn() takes a name and an expression, a value or a function",
      );
    }

    withColumns(...args) {
      const columns = args[0];
      if (isExpression(columns) || isArray(columns)) return step(this, "withColumns", args);
      if (args.length !== 1 || typeof columns !== "object" || columns === null) {
        throw new TypeErrorConstructor("withColumns() takes one object: { name: expression, ... }");
      }
      const functions = {};
      const others = {};
      const names = keys(columns);
      for (let i = 0; i < names.length; i++) {
        const value = columns[names[i]];
        setMember(typeof value === "function" ? functions : others, names[i], value);
      }
      // Functions see the rows as they are now, and so do the expressions.
      const calculated = keys(others).length > 0 ? step(this, "withColumns", [others]) : this;
      if (keys(functions).length === 0) return calculated;
      return attached(calculated, this, functions);
    }

    sort(...args) {
      return step(this, "sort", sortArguments(args));
    }

    join(other, on, options) {
      if (typeof other !== "object" || other === null || !DataFrame.is(other)) {
        throw new TypeErrorConstructor(
          `join() needs a DataFrame first, not ${kindOfValue(other)}: ` +
            "make one with ctx.DataFrame(rows)",
        );
      }
      if (typeof on !== "object" || on === null || isArray(on)) {
        return step(this, "join", [other, on ?? null, options ?? null]);
      }
      const rest = {};
      const names = keys(on);
      for (let i = 0; i < names.length; i++) {
        if (names[i] !== "on") setMember(rest, names[i], on[names[i]]);
      }
      return step(this, "join", [other, on.on ?? null, rest]);
    }

    groupBy(...columns) {
      const given = columns.length === 1 && isArray(columns[0]) ? columns[0] : columns;
      return runtime.groupRows(this, operands(given, "groupBy()"));
    }

    /** All rows, as plain objects. */
    collect() {
      return send("frame.collect", [this.#handle]);
    }

    toJSON() {
      return runtime.isFormatting() ? this.toString() : this.collect();
    }

    get height() {
      return send("frame.height", [this.#handle]);
    }

    get schema() {
      return send("frame.schema", [this.#handle]);
    }

    get columns() {
      const { schema } = this;
      const names = [];
      for (let i = 0; i < schema.length; i++) names[i] = schema[i].name;
      return names;
    }

    [Symbol.iterator]() {
      return iterate(this, this.#handle);
    }

    map(action) {
      const results = [];
      visitRows(this.#handle, (row, number) => {
        results[number] = action(row, number);
      });
      return results;
    }

    forEach(action) {
      visitRows(this.#handle, action);
    }

    /** The columns and the first rows, for logs. */
    toString() {
      const { schema } = this;
      let columns = "";
      for (let i = 0; i < schema.length; i++) {
        columns += `${i > 0 ? ", " : ""}${schema[i].name}: ${schema[i].type}`;
      }
      const text = `DataFrame [${columns}]`;
      try {
        const rows = step(this, "head", [PREVIEW_ROWS + 1]).collect();
        let shown = "";
        for (let i = 0; i < rows.length && i < PREVIEW_ROWS; i++) {
          shown += `\n  ${stringify(rows[i])}`;
        }
        return text + shown + (rows.length > PREVIEW_ROWS ? "\n  …" : "");
      } catch (error) {
        return `${text}\n  [no rows: ${error.message}]`;
      }
    }

    [Symbol.toPrimitive](hint) {
      if (hint === "string") return this.toString();
      throw new TypeErrorConstructor(
        "A DataFrame is no value to calculate with: use its methods, or df.collect() for the rows",
      );
    }
  }

  /** Take one step: the host checks it at once, so that an error has the line of this step. */
  function step(frame, name, args, least = 0) {
    const what = `${name}()`;
    const given = operands(args, what, least);
    return new DataFrame(send("frame.apply", [DataFrame.handle(frame), name, given], what));
  }

  /** Give `frame` columns that functions make of the rows of `source`. */
  function attached(frame, source, functions) {
    const columns = columnsOf(DataFrame.handle(source), functions);
    const args = [DataFrame.handle(frame), columns];
    return new DataFrame(send("frame.attach", args, "A value of a new column"));
  }

  // Steps whose arguments go to the host as they are, with the least number of them.
  const STEPS = {
    select: 1,
    drop: 1,
    rename: 1,
    limit: 1,
    head: 0,
    tail: 0,
    slice: 1,
    unique: 0,
    reverse: 0,
    pivot: 1,
    unpivot: 1,
    fillNull: 1,
    dropNulls: 0,
    cast: 1,
    concat: 1,
    describe: 0,
    explode: 1,
    withRowIndex: 0,
    sample: 1,
  };
  const { prototype } = DataFrame;
  for (const name of Object.keys(STEPS)) {
    const method = {
      [name](...args) {
        return step(this, name, args, STEPS[name]);
      },
    }[name];
    Object.defineProperty(prototype, name, { value: method });
  }
  const names = memberNames(prototype);
  guard(prototype, (name) => {
    if (ADVICE[name] !== undefined) return `A DataFrame has no '${name}'. ${ADVICE[name]}`;
    if (ARRAY_METHODS[name]) return `A DataFrame is no array. Use df.collect().${name}(…)`;
    const isIndex = name === `${name >>> 0}`;
    return isIndex
      ? `A DataFrame is no array. Use df.collect()[${name}], or df.slice(${name}, 1) for one row`
      : `A DataFrame has no '${name}'. ${suggestion(name, names)}`;
  });

  /** Return the number of a frame, which is how the host knows it. */
  function frameHandle(value) {
    if (typeof value === "object" && value !== null && DataFrame.is(value)) {
      return DataFrame.handle(value);
    }
    throw new TypeErrorConstructor(
      `A DataFrame is needed here, not ${kindOfValue(value)}: make one with ctx.DataFrame(rows)`,
    );
  }

  Object.assign(runtime, {
    frameHandle,
    framePrototype: prototype,
    frameReference: (value) => (DataFrame.is(value) ? { $frame: DataFrame.handle(value) } : null),
    makeDataFrame: (handle) => new DataFrame(handle),
    takeStep: step,
  });
});
