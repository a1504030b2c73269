// GroupedDataFrame, what df.groupBy(...) gives until it is aggregated, and ctx.DataFrame itself.
(function (runtime) {
  "use strict";

  const { defineProperty } = Reflect;
  const { freeze } = Object;
  const { isArray } = Array;
  const TypeErrorConstructor = TypeError;
  const { checkedRows, frameHandle, framePrototype, frameReference, guard } = runtime;
  const { isExpression, makeDataFrame, memberNames, suggestion, takeStep } = runtime;

  class GroupedDataFrame {
    #frame;
    #keys;

    constructor(frame, keys) {
      this.#frame = frame;
      this.#keys = keys;
      freeze(this);
    }

    static is(value) {
      return #frame in value;
    }

    static step(grouped, name, args) {
      const all = [grouped.#keys];
      for (let i = 0; i < args.length; i++) all[i + 1] = args[i];
      return takeStep(grouped.#frame, name, all);
    }

    agg(...args) {
      if (args.length === 0) {
        throw new TypeErrorConstructor(
          'agg() needs what to calculate: { total: col("amount").sum() }',
        );
      }
      return GroupedDataFrame.step(this, "aggregate", isExpression(args[0]) ? [args] : args);
    }

    /** One row per group with its number of rows in `count`. */
    count() {
      return GroupedDataFrame.step(this, "count", []);
    }

    toJSON() {
      if (runtime.isFormatting()) return this.toString();
      throw new TypeErrorConstructor(
        "A grouped DataFrame has no rows yet: call .agg({...}) or .count() first",
      );
    }

    toString() {
      return `DataFrame grouped by ${runtime.format(this.#keys)}`;
    }
  }

  const { prototype } = GroupedDataFrame;
  for (const name of "sum mean avg median min max std var first last nUnique".split(" ")) {
    const method = {
      [name](...columns) {
        const given = columns.length === 1 && isArray(columns[0]) ? columns[0] : columns;
        if (given.length === 0) {
          throw new TypeErrorConstructor(`${name}() of groups needs the names of columns`);
        }
        const wanted = {};
        for (let i = 0; i < given.length; i++) {
          runtime.setMember(wanted, given[i], [given[i], name]);
        }
        return GroupedDataFrame.step(this, "aggregate", [wanted]);
      },
    }[name];
    defineProperty(prototype, name, { value: method });
  }
  const names = memberNames(prototype);
  guard(prototype, (name) =>
    name in framePrototype
      ? `A grouped DataFrame has no '${name}' yet: call .agg({...}) or .count() first`
      : `A grouped DataFrame has no '${name}'. ${suggestion(name, names)}`,
  );
  freeze(prototype);

  /** ctx.DataFrame(rows), with or without `new`. */
  function DataFrame(data) {
    if (typeof data === "object" && data !== null && frameReference(data) !== null) return data;
    return makeDataFrame(runtime.ask("frame.create", [checkedRows(data)], "ctx.DataFrame(rows)"));
  }

  /** ctx.DataFrame.concat([frame, ...], options) */
  function concat(frames, options) {
    if (!isArray(frames) || frames.length === 0) {
      throw new TypeErrorConstructor("ctx.DataFrame.concat() takes an array of DataFrames");
    }
    frameHandle(frames[0]);
    const others = [];
    for (let i = 1; i < frames.length; i++) others[i - 1] = frames[i];
    return others.length === 0 ? frames[0] : takeStep(frames[0], "concat", [others, options]);
  }

  defineProperty(DataFrame, "concat", { value: concat });
  // So that `frame instanceof ctx.DataFrame`.
  DataFrame.prototype = framePrototype;
  defineProperty(framePrototype, "constructor", { value: DataFrame });
  freeze(DataFrame);
  freeze(framePrototype);

  Object.assign(runtime, {
    DataFrame,
    /** Tell whether a log shows this as it describes itself. */
    isCalculation: (value) =>
      isExpression(value) || GroupedDataFrame.is(value) || frameReference(value) !== null,
    groupRows: (frame, keys) => new GroupedDataFrame(frame, keys),
  });
});
