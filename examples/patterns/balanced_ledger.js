// A transaction over several calls: either the whole day is booked or none of it.
export default {
  title: "Ledger of cancelled flights",
  dependencies: { datasources: ["flights_db"] },
  parameters: {
    day: { type: "date", default: "2013-02-08" },
    fail: { type: "boolean", description: "Fail in the middle, to see it undone", default: false },
  },

  async run(ctx, params) {
    await ctx.duckdb.exec(`
      CREATE TABLE IF NOT EXISTS cancelled_by_origin (day DATE, origin VARCHAR, flights BIGINT);
      CREATE TABLE IF NOT EXISTS cancelled_total (day DATE, flights BIGINT)`);
    const rows = await ctx.datasource.flights_db.query(
      `SELECT origin, count(*) AS flights FROM flights
        WHERE make_date(year, month, day) = $1 AND dep_time IS NULL GROUP BY origin ORDER BY origin`,
      [params.day],
    );
    await ctx.duckdb.exec("BEGIN TRANSACTION");
    try {
      for (const { origin, flights } of rows) {
        await ctx.duckdb.query("INSERT INTO cancelled_by_origin VALUES (?, ?, ?)", [
          params.day,
          origin,
          flights,
        ]);
      }
      if (params.fail) throw new Error("failed on request, after the first table was written");
      const total = rows.reduce((sum, row) => sum + row.flights, 0);
      await ctx.duckdb.query("INSERT INTO cancelled_total VALUES (?, ?)", [params.day, total]);
      await ctx.duckdb.exec("COMMIT");
      return { success: true, day: params.day, total };
    } catch (error) {
      await ctx.duckdb.exec("ROLLBACK");
      throw error;
    }
  },
};
