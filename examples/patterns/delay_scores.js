// Scores with DataFrames: rows of two datasources are joined and aggregated in the host, not in the
// script; operators on columns build expressions, and the table never passes through JavaScript.
export default {
  title: "Delay scores of the airlines",
  dependencies: { datasources: ["flights_db", "reference"] },
  parameters: {
    month: { type: "number", description: "Month of 2013", min: 1, max: 12, default: 2 },
  },

  async run(ctx, params) {
    const flights = await ctx.datasource.flights_db.frame(
      "SELECT carrier, tailnum, dep_delay, arr_delay FROM flights WHERE month = $1",
      [params.month],
    );
    const airlines = await ctx.datasource.reference.frame("SELECT carrier, name FROM airlines");

    const scored = flights
      .dropNulls("dep_delay", "arr_delay")
      .groupBy("carrier")
      .agg({
        flights: "count",
        mean_departure: col("dep_delay").mean(),
        mean_arrival: col("arr_delay").mean(),
        aircraft: col("tailnum").nUnique(),
      })
      .withColumn("score", col("mean_departure") * 0.4 + col("mean_arrival") * 0.6)
      .withColumn(
        "grade",
        when(col("score") < 3)
          .then("good")
          .when(col("score") < 15)
          .then("fair")
          .otherwise("poor"),
      )
      .join(airlines, "carrier")
      .sort("score");

    await ctx.duckdb.saveDataFrame(scored, "delay_scores");
    ctx.table("best", {
      title: "The five most punctual airlines",
      columns: [
        { name: "name", label: "Airline" },
        { name: "flights", format: "integer" },
        { name: "score", format: "number", digits: 1 },
      ],
    });
    ctx.chart({ type: "bar", data: "best", x: "name", y: "score", title: "Lower is better" });
    return {
      month: params.month,
      best: scored.select("name", "flights", "score", "grade").head(5).toJSON(),
      stored_table: "delay_scores",
    };
  },
};
