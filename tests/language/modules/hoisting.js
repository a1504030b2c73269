// The default export may use what is declared after it.
export default { run: () => ({ value: later(2), kind: typeof Later }) };
function later(n) { return n + OFFSET; }
const OFFSET = 40;
class Later {}
