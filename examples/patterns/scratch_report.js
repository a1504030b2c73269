// A scratch database of the run: rows of a datasource become a table that nobody else sees and that
// is gone afterwards; the project's own tables can be read beside it.
export default {
  title: "Monthly flights in a scratch database",
  dependencies: { datasources: ["flights_db"] },

  async run(ctx) {
    const flights = await ctx.queryDatasource(
      "flights_db",
      `SELECT make_date(year, month, 1) AS month, carrier, count(*) AS flights
         FROM flights GROUP BY 1, 2`,
    );
    await ctx.loadData("flights", flights.rows);
    const months = await ctx.query(`
      SELECT DATE_TRUNC('month', month) AS month, SUM(flights) AS flights
        FROM flights GROUP BY ALL ORDER BY 1`);
    const [top] = await ctx.query(
      "SELECT carrier, sum(flights) AS flights FROM flights GROUP BY carrier HAVING sum(flights) > ?" +
        " ORDER BY 2 DESC",
      [10_000],
    );
    return { months: months.rows, busiest: top };
  },
};
