// Helpers, classes, constants and generators beside the default export.
const RATE = 1.19;
class Totals { #sum = 0; add(n) { this.#sum += n; return this; } get gross() { return Math.round(this.#sum * RATE * 100) / 100; } }
async function waitFor(check, attempts = 3) { for (let i = 0; i < attempts; i++) if (await check(i)) return i; return -1; }
function* ids() { let n = 0; while (true) yield ++n; }
export default {
  title: "Helpers",
  async run() {
    const source = ids();
    return { gross: new Totals().add(10).add(5).gross, found: await waitFor(async (i) => i === 2), ids: [source.next().value, source.next().value] };
  },
};
