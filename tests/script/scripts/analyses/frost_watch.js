const FROST_BELOW = -4.5;

export default {
  schedule: { cron: "20 */2 * * *" },
  run: async ({ datasource, log }) => {
    const [coldest] = await datasource.weather_mast.query(
      "SELECT sensor, celsius FROM soil_probe ORDER BY celsius FETCH FIRST ROW ONLY",
    );
    if (!coldest || coldest.celsius > FROST_BELOW) {
      return { skipped: true, reason: `No probe is colder than ${FROST_BELOW} °C` };
    }
    log("frost at", coldest.sensor);
    return { skipped: false, ...coldest };
  },
};
