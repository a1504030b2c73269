// Compares the three airports by running another analysis once for each of them, at the same time.
const AIRPORTS = ["EWR", "JFK", "LGA"];

export default {
  title: "Airport comparison",
  dependencies: { analyses: ["carrier_delays"] },
  parameters: {
    month: { type: "number", description: "Month of 2013", min: 1, max: 12, default: 7 },
  },

  async run(ctx, params) {
    const reports = await Promise.all(
      AIRPORTS.map((origin) =>
        ctx.runAnalysis("carrier_delays", { origin, month: params.month, minimum_flights: 1 }),
      ),
    );
    const failed = reports.find((report) => !report.success);
    if (failed) throw new Error(`carrier_delays failed: ${failed.error}`);

    const airports = reports.map(({ result }) => ({
      origin: result.origin,
      flights: result.flights,
      carriers: result.carriers.length,
      cancelled: result.carriers.reduce((sum, row) => sum + row.cancelled, 0),
      worst_carrier: result.worst,
    }));
    return { month: params.month, airports };
  },
};
