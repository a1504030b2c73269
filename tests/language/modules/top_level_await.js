// Top-level await before anything runs.
const settings = await Promise.resolve({ factor: 3 });
const parts = await Promise.all([1, 2].map(async (n) => n * settings.factor));
export default { run: () => ({ parts, me: typeof import.meta }) };
