// Written for another runner: no title, no types, and the short names of the functions.
export default {
	async run(ctx, { feeder, hours = 48 }) {
		const readings = await ctx.queryDatasource(
			"meter_archive",
			"SELECT taken_at, kwh FROM reading WHERE feeder_no = ? AND age_hours < ?",
			[feeder, hours],
		);
		if (readings.rows.length === 0) return { feeder, peaks: [] };

		await ctx.loadData("feeder_reading", readings.rows);
		const { rows: peaks } = await ctx.query(
			"SELECT hour(taken_at) AS at_hour, max(kwh) AS peak FROM feeder_reading GROUP BY ALL"
		);
		return { feeder, peaks };
	},
};
