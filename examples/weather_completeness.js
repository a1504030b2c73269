// A quality gate that fails on purpose: the weather of 2013 has gaps, and this says where.
export default {
  title: "Weather completeness",
  dependencies: { datasources: ["flights_db"] },
  parameters: {
    tolerated_percent: {
      type: "number",
      description: "Share of hours that may lack a measurement",
      min: 0,
      max: 100,
      default: 1,
    },
  },

  async run(ctx, params) {
    const columns = await ctx.datasource.flights_db.query(
      `SELECT round(100.0 * avg((temp IS NULL)::int), 2)      AS temp,
              round(100.0 * avg((pressure IS NULL)::int), 2)  AS pressure,
              round(100.0 * avg((wind_gust IS NULL)::int), 2) AS wind_gust
         FROM weather`,
    );
    const tooSparse = Object.entries(columns[0]).filter(([, percent]) => percent > params.tolerated_percent);
    if (tooSparse.length > 0) {
      const list = tooSparse.map(([column, percent]) => `${column} (${percent} %)`).join(", ");
      throw new Error(
        `Too many hours without a measurement: ${list}. ` +
          `Allowed are ${params.tolerated_percent} %; raise tolerated_percent or repair the import.`,
      );
    }
    return { success: true, missing_percent: columns[0] };
  },
};
