// Pulls the parcels in transit page by page and merges their last scan into the depot database.
const PAGES = {
  pageParam: "cursor",
  limitParam: "size",
  limit: 250,
  dataPath: "parcels.items",
  nextPagePath: "parcels.more",
};

const UPSERT = `
  MERGE INTO parcel_state AS held
  USING (SELECT $1::text AS barcode, $2::text AS hub, $3::numeric AS kilograms) AS seen
  ON held.barcode = seen.barcode
  WHEN MATCHED THEN UPDATE SET hub = seen.hub, kilograms = seen.kilograms
  WHEN NOT MATCHED THEN INSERT (barcode, hub, kilograms)
    VALUES (seen.barcode, seen.hub, seen.kilograms)`;

async function lastScan({ datasource }, barcode) {
  const { scans = [] } = await datasource.carrier_api.get(`/tracking/${encodeURIComponent(barcode)}`);
  return scans.at(-1) ?? null;
}

export default {
  title: "Parcel tracking pull",
  dependencies: { datasources: ["carrier_api", "depot_db"] },

  async run(ctx) {
    const inTransit = await ctx.datasource.carrier_api.paginate("/parcels?state=moving", PAGES);
    const rows = [];
    let lost = 0;
    for (const { barcode, weight_g: grams } of inTransit) {
      if (ctx.shouldStop()) break;
      const scan = await lastScan(ctx, barcode);
      if (scan === null) {
        lost += 1;
        continue;
      }
      rows.push({ barcode, hub: scan.hub, kilograms: grams / 1e3 });
      await ctx.datasource.depot_db.query(UPSERT, [barcode, scan.hub, grams / 1e3]);
    }
    await ctx.duckdb.saveDataFrame(ctx.DataFrame(rows), "parcels_moving");
    return { moving: inTransit.length, merged: rows.length, lost };
  },
};
