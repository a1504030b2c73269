// Imports of everything that no script may have.

// case: node_file_system
// ends: SCRIPT_ERROR
// says: Cannot import 'fs'
import fs from "fs";
export default { run: () => ({ text: fs.readFileSync("/etc/passwd") }) };

// case: node_prefix
// ends: SCRIPT_ERROR
// says: Cannot import 'node:child_process'
import { execSync } from "node:child_process";
export default { run: () => ({ text: execSync("id") }) };

// case: absolute_path
// ends: SCRIPT_ERROR
// says: Cannot import
import text from "/etc/passwd";
export default { run: () => ({ text }) };

// case: relative_path
// ends: SCRIPT_ERROR
// says: Cannot import
import text from "../../../../etc/passwd";
export default { run: () => ({ text }) };

// case: network
// ends: SCRIPT_ERROR
// says: Cannot import
import code from "https://example.org/x.js";
export default { run: () => ({ code }) };

// case: engine_modules
// ends: SCRIPT_ERROR
// says: Cannot import 'std'
import * as std from "std";
export default { run: () => ({ keys: Object.keys(std) }) };

// case: operating_system_module
// ends: SCRIPT_ERROR
// says: Cannot import 'os'
import * as os from "os";
export default { run: () => ({ keys: Object.keys(os) }) };

// case: json_module
// ends: SCRIPT_ERROR
// says: Cannot import
import data from "/proc/self/environ" with { type: "json" };
export default { run: () => ({ data }) };

// case: name_with_a_null_character
// ends: SCRIPT_ERROR
// says: Cannot import
import data from "std\0.js";
export default { run: () => ({ data }) };

// case: name_of_a_megabyte
// ends: SCRIPT_ERROR
// says: Cannot import
export default { run: () => import("x".repeat(1e6)) };

// case: name_that_throws
// ends: SCRIPT_ERROR
// says: no name
export default { run: () => import({ toString() { throw new Error("no name"); } }) };

// case: names_without_end
// ends: TIME_LIMIT_EXCEEDED
export default { run: async () => { for (let i = 0; ; i++) await import(`x${i}`).catch(() => {}); } };

// case: own_name
// ends: SCRIPT_ERROR
// says: Cannot import
import self from "monthly_report.js";
export default { run: () => ({ self }) };
