const WEIGHTS = { punctual: 0.7, volume: 0.1, variety: 0.2 };

export default {
  title: "How reliable are the van routes?",
  run: async function rank(ctx, { since, best = 5 }) {
    const fleet = ctx.datasource.fleet_db;
    const routes = ctx.DataFrame(await fleet.query("SELECT route_no, depot FROM route"));
    const stops = ctx.DataFrame(
      await fleet.query("SELECT route_no, minutes_late, postcode FROM stop WHERE day > $1", [since]),
    );

    const perRoute = stops
      .join(routes, "route_no")
      .filter((stop) => stop.get("minutes_late") !== null)
      .groupBy("route_no")
      .agg({
        late: col("minutes_late").mean(),
        stops: col("minutes_late").count(),
        postcodes: col("postcode").nUnique(),
      });
    const ranked = perRoute
      .withColumn(
        "reliability",
        col("stops") * WEIGHTS.volume + col("postcodes") * WEIGHTS.variety - col("late") * WEIGHTS.punctual,
      )
      .sort("reliability", true);

    const into = "route_reliability_" + since.split("-").join("");
    await ctx.duckdb.saveDataFrame(ranked, into);
    await ctx.duckdb.exec(`CREATE OR REPLACE VIEW route_reliability AS FROM ${into}`);
    const [{ middle }] = await ctx.duckdb.query(`SELECT median(reliability) AS middle FROM ${into}`);
    return { into, middle, best: ranked.head(best).toJSON() };
  },
};
