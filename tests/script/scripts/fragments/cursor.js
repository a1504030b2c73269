// Everything after the newest reading that was seen, three thousand at a time.
const seen = ctx.metadata.get("newest_reading") ?? "1970-01-01";
const fresh = await ctx.datasource.meter_archive.query(
  "SELECT meter, taken_at, kwh FROM reading WHERE taken_at > $1 ORDER BY taken_at LIMIT 3000",
  [seen],
);
const newest = fresh.at(-1)?.taken_at;
if (newest) ctx.metadata.set("newest_reading", newest);
