// How punctual is each airline? A report with parameters, answered by one query.
export default {
  title: "Carrier delays",
  dependencies: { datasources: ["flights_db"] },
  parameters: {
    origin: {
      type: "select",
      description: "Departure airport",
      default: "all",
      options: [
        { value: "all", label: "All New York airports" },
        { value: "EWR", label: "Newark" },
        { value: "JFK", label: "John F. Kennedy" },
        { value: "LGA", label: "LaGuardia" },
      ],
    },
    month: { type: "number", description: "Month of 2013", min: 1, max: 12, default: 7 },
    minimum_flights: { type: "number", description: "Leave out smaller carriers", min: 1, default: 100 },
  },

  async run(ctx, params) {
    const carriers = await ctx.datasource.flights_db.query(
      `SELECT carrier,
              count(*)                                              AS flights,
              round(avg(dep_delay)::numeric, 1)                     AS mean_delay_minutes,
              round(100.0 * avg((dep_delay > 15)::int), 1)          AS late_percent,
              count(*) FILTER (WHERE dep_time IS NULL)              AS cancelled
         FROM flights
        WHERE month = $1 AND ($2 = 'all' OR origin = $2)
        GROUP BY carrier
       HAVING count(*) >= $3
        ORDER BY late_percent DESC NULLS LAST, carrier`,
      [params.month, params.origin, params.minimum_flights],
    );
    ctx.log(`${carriers.length} carriers with at least ${params.minimum_flights} flights`);

    const flights = carriers.reduce((sum, row) => sum + row.flights, 0);
    return {
      month: params.month,
      origin: params.origin,
      flights,
      worst: carriers[0]?.carrier ?? null,
      carriers,
    };
  },
};
