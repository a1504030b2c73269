// Runs often and does something rarely: `shouldRun` keeps a tick from becoming a run at all, and a
// run that finds nothing to do says so instead of failing.
const STORM = 35;

export default {
  title: "Storm watch",
  schedule: {
    cron: "*/15 * * * *",
    timezone: "America/New_York",
    enabled: false,
    shouldRun: async (ctx) => {
      const [{ n }] = await ctx.datasource.flights_db.query("SELECT count(*) AS n FROM weather");
      return n > 0;
    },
  },
  dependencies: { datasources: ["flights_db"] },
  parameters: { day: { type: "date", default: "2013-02-08" } },

  async run(ctx, params) {
    const [wind] = await ctx.datasource.flights_db.query(
      `SELECT max(wind_gust) AS gust, max(wind_speed) AS speed FROM weather
        WHERE make_date(year, month, day) = $1`,
      [params.day],
    );
    if ((wind.gust ?? 0) < STORM) {
      return { skipped: true, reason: `No gust above ${STORM} mph on ${params.day}` };
    }
    return { day: params.day, gust: wind.gust, speed: wind.speed, next_run: ctx.schedule.next_run };
  },
};
