// One route through the year. The list of destinations waits for the airport that was chosen.
export default {
  title: "Route punctuality",
  dependencies: { datasources: ["flights_db", "reference"] },
  parameters: {
    origin: {
      type: "select",
      required: true,
      description: "From",
      options: async (ctx) =>
        ctx.datasource.flights_db.query(
          "SELECT DISTINCT origin AS value, origin AS label FROM flights ORDER BY 1",
        ),
    },
    destination: {
      type: "select",
      required: true,
      description: "To",
      options: async (ctx, params) => {
        if (!params.origin) return [{ value: "", label: "Choose the departure airport first" }];
        const routes = await ctx.datasource.flights_db.query(
          `SELECT dest, count(*) AS flights FROM flights
            WHERE origin = $1 GROUP BY dest ORDER BY flights DESC, dest`,
          [params.origin],
        );
        const airports = await ctx.datasource.reference.query("SELECT faa, name FROM airports");
        const names = new Map(airports.map((airport) => [airport.faa, airport.name]));
        return routes.map(({ dest, flights }) => ({
          value: dest,
          label: `${names.get(dest) ?? dest} (${flights} flights)`,
        }));
      },
    },
  },

  async run(ctx, params) {
    const months = await ctx.datasource.flights_db.query(
      `SELECT month,
              count(*)                                     AS flights,
              round(avg(arr_delay)::numeric, 1)            AS mean_arrival_delay,
              round(100.0 * avg((arr_delay <= 0)::int), 1) AS on_time_percent
         FROM flights WHERE origin = $1 AND dest = $2
        GROUP BY month ORDER BY month`,
      [params.origin, params.destination],
    );
    if (months.length === 0) {
      throw new Error(`No flights from ${params.origin} to ${params.destination} in 2013`);
    }
    return { route: `${params.origin} → ${params.destination}`, months };
  },
};
