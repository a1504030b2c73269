// Two databases asked for the same point in time, so that their answers fit together.
export default {
  title: "Flights and weather at one moment",
  dependencies: { datasources: ["flights_db", "reference"] },
  parameters: { hours_back: { type: "number", min: 0, max: 8760, default: 0 } },

  async run(ctx, params) {
    const moment = new Date(Date.UTC(2013, 11, 31, 23) - params.hours_back * 3_600_000);
    const [[flights], [weather], [aircraft]] = await Promise.all([
      ctx.datasource.flights_db.query("SELECT count(*) AS n FROM flights WHERE time_hour <= $1", [
        moment,
      ]),
      ctx.datasource.flights_db.query("SELECT count(*) AS n FROM weather WHERE time_hour <= ?", [
        moment,
      ]),
      ctx.datasource.reference.query("SELECT count(*) AS n FROM planes WHERE year <= ?", [
        moment.getUTCFullYear(),
      ]),
    ]);
    ctx.metadata.set("snapshot_time", moment.toISOString());
    return {
      snapshot_time: moment.toISOString(),
      flights: flights.n,
      weather_reports: weather.n,
      aircraft: aircraft.n,
    };
  },
};
