const frame = ctx.DataFrame(params.parcels);
const heavy = frame
  .filter((parcel) => parcel.get("kilograms") >= 31.5)
  .groupBy("hub")
  .agg({ kilograms: "max", barcode: "count" });

await ctx.duckdb.saveDataFrame(heavy, "bulky_by_hub");
