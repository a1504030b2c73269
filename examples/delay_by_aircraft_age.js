// Do older aircraft leave later? Flights live in PostgreSQL, aircraft in SQLite: both are loaded
// into the project's warehouse and joined there.
export default {
  title: "Delay by aircraft age",
  dependencies: { datasources: ["flights_db", "reference"] },
  parameters: {
    manufacturer: { type: "string", description: "Only this manufacturer, such as BOEING" },
  },

  async run(ctx, params) {
    await Promise.all([
      ctx.datasource.reference.query("SELECT count(*) AS planes FROM planes"),
      ctx.datasource.flights_db.query("SELECT count(*) AS flights FROM flights"),
    ]).then(([planes, flights]) =>
      ctx.log(`joining ${flights[0].flights} flights with ${planes[0].planes} aircraft`),
    );

    await ctx.duckdb.load(
      "flights_db",
      "SELECT tailnum, carrier, year, dep_delay FROM flights WHERE tailnum IS NOT NULL",
      "age_flights",
    );
    await ctx.duckdb.load(
      "reference",
      "SELECT tailnum, year AS built, manufacturer FROM planes WHERE year IS NOT NULL",
      "age_planes",
    );

    const ages = await ctx.duckdb.query(
      `SELECT 5 * ((f.year - p.built) // 5)                  AS age_from_years,
              count(*)                                       AS flights,
              round(avg(f.dep_delay), 1)                     AS mean_delay_minutes,
              round(median(f.dep_delay), 1)                  AS median_delay_minutes
         FROM age_flights f JOIN age_planes p USING (tailnum)
        WHERE p.built <= f.year AND ($1 IS NULL OR p.manufacturer ILIKE $1 || '%')
        GROUP BY age_from_years
        ORDER BY age_from_years`,
      [params.manufacturer ?? null],
    );
    return { manufacturer: params.manufacturer ?? "all", ages };
  },
};
