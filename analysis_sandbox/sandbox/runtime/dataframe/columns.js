// What column expressions offer: their methods, and the globals col, lit, when and their like.
(function (runtime) {
  "use strict";

  const { apply, defineProperty } = Reflect;
  const { freeze } = Object;
  const { isArray } = Array;
  const { split } = String.prototype;
  const NumberConstructor = Number;
  const TypeErrorConstructor = TypeError;
  const { Expression, global, guard, isExpression, kindOfValue, memberNames } = runtime;
  const { operands, suggestion } = runtime;

  // name:least-most arguments; only least: exactly so many; "*": any number.
  const METHODS =
    "add:1 sub:1 mul:1 div:1 floorDiv:1 mod:1 pow:1 neg:0 eq:1 neq:1 lt:1 lte:1 gt:1 gte:1 " +
    "and:1-* or:1-* xor:1-* not:0 sum:0 mean:0 avg:0 median:0 min:0 max:0 std:0-1 var:0-1 " +
    "count:0 nUnique:0 first:0 last:0 quantile:1-2 any:0 all:0 alias:1 over:1-* cast:1-2 " +
    "fillNull:1-2 fillNan:1 isNull:0 isNotNull:0 isNan:0 isFinite:0 isIn:1-* between:2-3 " +
    "abs:0 round:0-1 floor:0 ceil:0 sqrt:0 exp:0 log:0-1 sign:0 clip:1-2 cumSum:0-1 " +
    "cumMin:0-1 cumMax:0-1 cumCount:0-1 shift:0-2 diff:0-1 pctChange:0-1 rank:0-2 " +
    "rollingMean:1-2 rollingSum:1-2 rollingMin:1-2 rollingMax:1-2";
  const NAMESPACES = {
    str:
      "contains:1-2 startsWith:1 endsWith:1 toLowerCase:0 toUpperCase:0 trim:0 trimStart:0 " +
      "trimEnd:0 length:0 replace:2-3 replaceAll:2-3 slice:1-2 split:1 extract:1-2 padStart:1-2 " +
      "padEnd:1-2 toDate:0-1 toDatetime:0-1 toNumber:0",
    dt:
      "year:0 quarter:0 month:0 week:0 day:0 weekday:0 ordinalDay:0 hour:0 minute:0 second:0 " +
      "date:0 truncate:1 format:1 offsetBy:1 epochMillis:0",
    list: "length:0 get:1 join:0-1 contains:1",
  };
  // Habits of other libraries, and what stands for them here.
  const OTHER_NAMES = Object.assign(Object.create(null), {
    multiply: "mul",
    divide: "div",
    plus: "add",
    minus: "sub",
    ne: "neq",
    ge: "gte",
    le: "lte",
    name: "alias",
    as: "alias",
    n_unique: "nUnique",
    countDistinct: "nUnique",
    fill_null: "fillNull",
    is_null: "isNull",
    is_in: "isIn",
    contains: "str.contains",
    toUpperCase: "str.toUpperCase",
    toLowerCase: "str.toLowerCase",
    year: "dt.year",
    month: "dt.month",
    length: "str.length (of texts), .list.length (of lists) or .count",
  });

  /** Call `make(name, least, most)` for each entry of such a table. */
  function forEach(table, make) {
    const entries = apply(split, table, [" "]);
    for (let i = 0; i < entries.length; i++) {
      const [name, counts] = apply(split, entries[i], [":"]);
      const [least, most = least] = apply(split, counts, ["-"]);
      make(name, NumberConstructor(least), most === "*" ? Infinity : NumberConstructor(most));
    }
  }

  function add(prototype, name, value) {
    defineProperty(prototype, name, { value });
  }

  function variadicList(args) {
    return args.length === 1 && (isArray(args[0]) || isExpression(args[0])) ? args : [args];
  }

  const { prototype } = Expression;
  forEach(METHODS, (name, least, most) => {
    add(
      prototype,
      name,
      {
        [name](...args) {
          const given = name === "isIn" ? variadicList(args) : args;
          return new Expression(name, this, operands(given, `.${name}()`, least, most));
        },
      }[name],
    );
  });

  for (const space of Object.keys(NAMESPACES)) {
    const Methods = class {
      #expression;

      constructor(expression) {
        this.#expression = expression;
        freeze(this);
      }

      static expression(methods) {
        return methods.#expression;
      }
    };
    forEach(NAMESPACES[space], (name, least, most) => {
      const whole = `${space}.${name}`;
      add(
        Methods.prototype,
        name,
        {
          [name](...args) {
            const given = operands(args, `.${whole}()`, least, most);
            return new Expression(whole, Methods.expression(this), given);
          },
        }[name],
      );
    });
    const names = memberNames(Methods.prototype);
    guard(Methods.prototype, (name) => `.${space} has no '${name}'. ${suggestion(name, names)}`);
    freeze(Methods.prototype);
    defineProperty(prototype, space, {
      get() {
        return new Methods(this);
      },
    });
  }

  /** when(condition).then(value): an expression already, null where no condition holds. */
  class Then extends Expression {
    #branches;

    constructor(branches) {
      super("when", null, [branches, null]);
      this.#branches = branches;
      freeze(this);
    }

    when(condition) {
      return new UnfinishedWhen(this.#branches, condition);
    }

    otherwise(...args) {
      const value = operands(args, ".otherwise()", 1, 1);
      return new Expression("when", null, [this.#branches, value[0]]);
    }
  }

  class UnfinishedWhen {
    #branches;
    #condition;

    constructor(branches, condition) {
      this.#branches = branches;
      this.#condition = checkedCondition(condition, "when()");
    }

    then(...args) {
      if (typeof args[0] === "function" && args.length === 2) {
        // Only `await` does this.
        throw new TypeErrorConstructor("when(…) lacks .then(value)");
      }
      const value = operands(args, ".then()", 1, 1);
      const branches = [];
      for (let i = 0; i < this.#branches.length; i++) branches[i] = this.#branches[i];
      branches[branches.length] = [this.#condition, value[0]];
      return new Then(branches);
    }
  }

  /** Return a condition on columns; true and false are what is left of a lost comparison. */
  function checkedCondition(value, what) {
    if (isExpression(value)) return value;
    const advice =
      typeof value === "boolean"
        ? ". JavaScript itself compared here, which says nothing about the column: write .eq(), " +
          ".gt(), .and(), .not() … instead of the operator"
        : ' such as col("amount").gt(100)';
    throw new TypeErrorConstructor(
      `${what} needs a condition on columns, not ${kindOfValue(value)}${advice}`,
    );
  }

  function col(...args) {
    const name = args[0];
    // names.map(col) hands over the place in the array and the array too.
    if (args.length > 1 && !isArray(args[2])) {
      throw new TypeErrorConstructor("col() takes the name of one column");
    }
    if (typeof name === "string" && name !== "") return new Expression("col", null, [name]);
    const given = name === "" ? "an empty text" : kindOfValue(name);
    throw new TypeErrorConstructor(`col() needs the name of a column, not ${given}`);
  }

  function lit(...args) {
    const value = operands(args, "lit()", 1, 1)[0];
    return isExpression(value) ? value : new Expression("lit", null, [value]);
  }

  const when = (condition) => new UnfinishedWhen([], condition);
  const coalesce = (...args) =>
    new Expression("coalesce", null, operands(listOf(args), "coalesce()", 1));
  const concatStr = (...args) =>
    new Expression("concatStr", null, operands(listOf(args), "concatStr()", 1));
  const len = () => new Expression("len", null, []);

  /** Take coalesce([a, b]) for coalesce(a, b). */
  function listOf(args) {
    if (!isArray(args[0])) return args;
    const list = [];
    for (let i = 0; i < args[0].length; i++) list[i] = args[0][i];
    for (let i = 1; i < args.length; i++) list[list.length] = args[i];
    return list;
  }

  const names = memberNames(prototype);
  guard(prototype, (name) => {
    const other = OTHER_NAMES[name];
    const advice = other === undefined ? suggestion(name, names) : `Use .${other}`;
    return `A column expression has no '${name}'. ${advice}`;
  });
  freeze(prototype);
  freeze(Then.prototype);
  freeze(UnfinishedWhen.prototype);

  const functions = { col, lit, when, coalesce, concatStr, len };
  for (const name of Object.keys(functions)) global(name, functions[name]);
  global("pl", freeze(functions));
  Object.assign(runtime, { checkedCondition, lit });
});
