// What the weather does to departures, in TypeScript: types for the rows, an enum for the weather.
enum Weather {
  Calm = "calm",
  Windy = "windy",
  Wet = "wet",
  Foggy = "low visibility",
}

interface Hour {
  wind_speed: number | null;
  precip: number | null;
  visib: number | null;
  flights: number;
  delay_minutes: number;
  late: number;
}

interface Line {
  weather: Weather;
  hours: number;
  flights: number;
  mean_delay: number;
  late_share: number;
}

class Tally {
  hours = 0;
  flights = 0;
  delay = 0;
  late = 0;

  constructor(readonly weather: Weather) {}

  add(hour: Hour): void {
    this.hours += 1;
    this.flights += hour.flights;
    this.delay += hour.delay_minutes;
    this.late += hour.late;
  }

  line(): Line {
    const { weather, hours, flights } = this;
    const share = (total: number, digits: number): number => Number((total / flights).toFixed(digits));
    return { weather, hours, flights, mean_delay: share(this.delay, 1), late_share: share(this.late, 4) };
  }
}

/** The worst of what was measured names an hour; knots, inches and miles as the data has them. */
function classify({ wind_speed, precip, visib }: Hour): Weather {
  if (visib !== null && visib < 3) return Weather.Foggy;
  if ((precip ?? 0) > 0) return Weather.Wet;
  return (wind_speed ?? 0) > 20 ? Weather.Windy : Weather.Calm;
}

export default {
  title: "Weather and delays",
  dependencies: { datasources: ["flights_db"] },
  parameters: {
    origin: {
      type: "select",
      required: true,
      description: "Airport of departure",
      options: [
        { value: "EWR", label: "Newark" },
        { value: "JFK", label: "John F. Kennedy" },
        { value: "LGA", label: "LaGuardia" },
      ],
      default: "JFK",
    },
    late_after: { type: "number", description: "Minutes that make a departure late", min: 1, default: 15 },
  },

  async run(ctx, params: { origin: string; late_after: number }) {
    const hours: Hour[] = await ctx.datasource.flights_db.query(
      `SELECT w.wind_speed, w.precip, w.visib,
              count(*)::int                               AS flights,
              sum(f.dep_delay)::int                       AS delay_minutes,
              count(*) FILTER (WHERE f.dep_delay > $2)::int AS late
         FROM flights f JOIN weather w USING (origin, time_hour)
        WHERE f.origin = $1 AND f.dep_delay IS NOT NULL
        GROUP BY w.time_hour, w.wind_speed, w.precip, w.visib`,
      [params.origin, params.late_after],
    );

    const tallies = new Map<Weather, Tally>();
    for (const hour of hours) {
      const weather = classify(hour);
      const tally = tallies.get(weather) ?? new Tally(weather);
      tallies.set(weather, tally);
      tally.add(hour);
    }

    const weather: Line[] = [...tallies.values()]
      .map((tally) => tally.line())
      .sort((a, b) => b.mean_delay - a.mean_delay);
    ctx.table("weather", {
      title: `Departures from ${params.origin}`,
      columns: [{ name: "late_share", label: "Late", format: "percent", digits: 1 }],
    });
    ctx.chart({ type: "bar", data: "weather", x: "weather", y: "mean_delay", title: "Mean delay in minutes" });
    return { origin: params.origin, hours: hours.length, weather };
  },
} satisfies Analysis;
