"""A script that walks through everything it can see and returns the names."""

WALK = """
const own = (value) => Object.getOwnPropertyNames(value).filter((name) => name !== "constructor");
const ofPrototype = (value) => own(Object.getPrototypeOf(value));
const functions = (value) => own(value).filter((name) => typeof value[name] === "function");

export default {
  title: "Walk",
  run(ctx) {
    const frame = ctx.DataFrame([{ a: 1, g: "x" }]);
    const column = Object.getPrototypeOf(col("a"));
    const branches = when(col("a").gt(1)).then(1);
    return {
      kinds: Object.fromEntries(own(ctx).map((name) => [name, typeof ctx[name]])),
      Context: own(ctx),
      Warehouse: own(ctx.duckdb),
      Metadata: own(ctx.metadata),
      Utils: own(ctx.utils),
      datasource: own(ctx.datasource.shop),
      ScheduleFacts: own(ctx.schedule),
      DataFrame: ofPrototype(frame),
      DataFrameConstructor: functions(ctx.DataFrame),
      GroupedDataFrame: ofPrototype(frame.groupBy("g")),
      ColumnMethods: own(column),
      ColumnThen: ofPrototype(branches),
      ColumnWhen: ofPrototype(when(col("a").gt(1))),
      TextMethods: ofPrototype(col("a").str),
      DateMethods: ofPrototype(col("a").dt),
      ListMethods: ofPrototype(col("a").list),
      pl: own(pl),
      console: own(console),
      URL: ofPrototype(new URL("http://a/")),
      URLSearchParams: ofPrototype(new URLSearchParams()),
      Buffer: ofPrototype(Buffer.alloc(1)),
      BufferConstructor: own(Buffer),
      crypto: own(crypto),
      globals: own(globalThis),
    };
  },
};
"""
