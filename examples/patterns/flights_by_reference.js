// A result that is too large to return: it stays in the warehouse, and the run returns its name.
export default {
  title: "Every delayed flight of a month",
  dependencies: { datasources: ["flights_db"] },
  parameters: { month: { type: "number", min: 1, max: 12, default: 1 } },

  async run(ctx, params) {
    const table = `delayed_flights_2013_${String(params.month).padStart(2, "0")}`;
    await ctx.duckdb.load(
      "flights_db",
      `SELECT * FROM flights WHERE month = ${Number(params.month)} AND dep_delay > 15`,
      table,
    );
    const [summary] = await ctx.duckdb.query(`SELECT COUNT(*), AVG(dep_delay) FROM ${table}`);
    const { columns } = await ctx.duckdb.describe(table);
    return {
      result_table: table,
      row_count: summary.count,
      mean_delay: summary.avg,
      columns: columns.map((column) => column.name),
    };
  },
};
