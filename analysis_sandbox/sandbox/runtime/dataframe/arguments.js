// What scripts give to DataFrames, in the form that the host takes: rows, the order of sort().
(function (runtime) {
  "use strict";

  const { keys } = Object;
  const { isArray } = Array;
  const PromiseConstructor = Promise;
  const TypeErrorConstructor = TypeError;
  const { isExpression, kindOfValue, setMember } = runtime;

  const DIRECTIONS = Object.assign(Object.create(null), {
    asc: false,
    ascending: false,
    desc: true,
    descending: true,
  });
  /** Return rows in the form that the host takes them: an array of objects. */
  function checkedRows(data) {
    if (isArray(data)) return data;
    if (data instanceof PromiseConstructor) {
      throw new TypeErrorConstructor("ctx.DataFrame got a promise: await the rows first");
    }
    const rows = typeof data === "object" && data !== null ? rowsOfColumns(data) : null;
    if (rows !== null) return rows;
    throw new TypeErrorConstructor(
      `ctx.DataFrame needs an array of row objects, not ${kindOfValue(data)}`,
    );
  }

  /** Return the rows of { name: [value, ...], ... }, null if it is something else. */
  function rowsOfColumns(columns) {
    const names = keys(columns);
    if (names.length === 0 || !isArray(columns[names[0]])) return null;
    const { length } = columns[names[0]];
    const rows = [];
    for (let i = 0; i < length; i++) rows[i] = {};
    for (let j = 0; j < names.length; j++) {
      const values = columns[names[j]];
      if (!isArray(values)) return null;
      if (values.length !== length) {
        throw new TypeErrorConstructor(
          `The columns have different lengths: ${length} values in '${names[0]}', ` +
            `${values.length} in '${names[j]}'`,
        );
      }
      for (let i = 0; i < length; i++) setMember(rows[i], names[j], values[i]);
    }
    return rows;
  }

  /** Return [columns, order] of sort("a", "b", false) and all its other forms. */
  function sortArguments(args) {
    const by = [];
    let at = 0;
    while (at < args.length && isKey(args[at], at)) by[at] = args[at++];
    if (typeof args[0] === "function") {
      throw new TypeErrorConstructor(
        "sort() of a DataFrame takes columns, not a function: sort(column, ascending)",
      );
    }
    if (at === 0 || at < args.length - 1) {
      throw new TypeErrorConstructor(
        "sort() takes columns and then the order: true (ascending), false, or " +
          "{ descending, nullsLast }",
      );
    }
    return [by.length === 1 ? by[0] : by, at < args.length ? order(args[at]) : true];
  }

  function isKey(value, position) {
    if (isExpression(value) || (isArray(value) && position === 0)) return true;
    return typeof value === "string" && !(position > 0 && value in DIRECTIONS);
  }

  function order(given) {
    if (typeof given === "string") return { descending: DIRECTIONS[given] };
    if (typeof given !== "object" || given === null || !("ascending" in given)) return given;
    const { ascending, ...rest } = given;
    return { ...rest, descending: isArray(ascending) ? descendingOf(ascending) : !ascending };
  }

  function descendingOf(flags) {
    const list = [];
    for (let i = 0; i < flags.length; i++) list[i] = !flags[i];
    return list;
  }

  Object.assign(runtime, { checkedRows, sortArguments });
});
