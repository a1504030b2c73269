// Method shorthand, `this`, and names exported beside the default.
export const version = 2;
export function helper() { return "h"; }
const analysis = { title: "t", factor: 2, async run() { return { doubled: this.factor * 2, helper: helper(), version }; } };
export { analysis as default };
