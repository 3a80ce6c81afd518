/** Files: reading, writing, listing. `input.file` is readable by every user of the machine. */
import { gets, rejected, rejectedBy } from "../hostile.ts";

export const FILE_SYSTEM = [
  rejected(
    "reads by Deno",
    `return Deno.readTextFileSync(input.file);`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads by Deno, later",
    `return await Deno.readTextFile(input.file);`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "opens by Deno",
    `return (await Deno.open(input.file)).readable;`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads by node:fs",
    `return (await import("node:fs")).readFileSync(input.file);`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads by node:fs/promises",
    `return await (await import("node:fs/promises")).readFile(input.file);`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "streams by node:fs",
    `const s = (await import("node:fs")).createReadStream(input.file); return await settled(s, "data");`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads by a file handle",
    `return await (await (await import("node:fs/promises")).open(input.file)).readFile();`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads as a Blob",
    `return await (await (await import("node:fs")).openAsBlob(input.file)).text();`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads by fetch",
    `return await (await fetch("file://" + input.file)).text();`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads through a link of procfs",
    `return Deno.readTextFileSync("/proc/self/root" + input.file);`,
    'NotCapable: Requires read access to "/proc/self/root',
  ),
  rejected(
    "reads a path that climbs",
    `return Deno.readTextFileSync("/proc/../" + input.file);`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "reads by a file URL",
    `return Deno.readTextFileSync(new URL("file://" + input.file));`,
    "NotCapable: Requires read access to ",
  ),
  rejected("requires", `return req(input.file);`, "TypeError: Module "),
  rejected(
    "loads by extension",
    `const M = req("module"); const m = new M("x"); M._extensions[".js"](m, input.file); return m.exports;`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "lists by Deno",
    `return [...Deno.readDirSync("/")].map((e) => e.name);`,
    'NotCapable: Requires read access to "/"',
  ),
  rejected(
    "lists by node:fs",
    `return (await import("node:fs")).readdirSync("/tmp");`,
    'NotCapable: Requires read access to "/tmp"',
  ),
  rejected(
    "asks whether a file exists",
    `return Deno.statSync(input.file).size;`,
    "NotCapable: Requires read access to ",
  ),
  gets(
    "asks node:fs whether a file exists",
    `return (await import("node:fs")).existsSync(input.file);`,
    "false",
  ),
  rejected(
    "resolves links",
    `return Deno.realPathSync("/proc/self/exe");`,
    'NotCapable: Requires read access to "/proc/self/exe"',
  ),
  rejected(
    "reads the master key",
    `return Deno.readTextFileSync(input.dataDir + "/master.key");`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "opens the database",
    `return Deno.readFileSync(input.dataDir + "/invoked.db").length;`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "attaches the database",
    `const { DatabaseSync } = await import("node:sqlite"); return new DatabaseSync(input.dataDir + "/invoked.db").prepare("select * from functions").all();`,
    'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "writes by Deno",
    `Deno.writeTextFileSync(input.file, "overwritten"); return "written";`,
    "NotCapable: Requires write access to ",
  ),
  rejected(
    "writes by node:fs",
    `(await import("node:fs")).writeFileSync(input.file, "overwritten"); return "written";`,
    "NotCapable: Requires write access to ",
  ),
  rejected(
    "appends to the runtime",
    `Deno.writeTextFileSync("/proc/self/cwd/bootstrap.ts", "x", { append: true }); return "written";`,
    'NotCapable: Requires write access to "/proc/self/cwd/bootstrap.ts"',
  ),
  rejected(
    "makes a temporary file",
    `return Deno.makeTempFileSync();`,
    "NotCapable: Requires write access to <TMP>",
  ),
  rejected(
    "makes a temporary directory by node:fs",
    `return (await import("node:fs")).mkdtempSync("/tmp/x");`,
    "NotCapable: Requires write access to ",
  ),
  rejected(
    "removes",
    `Deno.removeSync(input.file); return "removed";`,
    "NotCapable: Requires write access to ",
  ),
  rejected(
    "renames",
    `(await import("node:fs")).renameSync(input.file, input.file + "x"); return "renamed";`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "links",
    `Deno.linkSync(input.file, "/tmp/x"); return "linked";`,
    "NotCapable: Requires read access to ",
  ),
  rejected(
    "links by symbol",
    `(await import("node:fs")).symlinkSync(input.file, "/tmp/x"); return "linked";`,
    "NotCapable: Deno.symlinkSync() requires unscoped --allow-read and --allow-write permissions; path-scoped grants",
  ),
  rejected(
    "changes the mode",
    `Deno.chmodSync(input.file, 0o777); return "changed";`,
    "NotCapable: Requires write access to ",
  ),
  rejected(
    "changes the directory",
    `Deno.chdir("/etc"); return Deno.cwd();`,
    'NotCapable: Requires read access to "/etc"',
  ),
  rejected(
    "watches",
    `return await Deno.watchFs("/tmp")[Symbol.asyncIterator]().next();`,
    'NotCapable: Requires read access to "/tmp"',
  ),
  rejected(
    "spills a database into a directory of its choice",
    `const { DatabaseSync } = await import("node:sqlite"); new DatabaseSync(":memory:").exec("pragma temp_store_directory='/tmp'"); return "spilled";`,
    'TypeError: TypeError: Module "node:sqlite" is not available in a function',
  ),
  rejected(
    "writes a heap snapshot",
    `return (await import("node:v8")).writeHeapSnapshot("/tmp/x.heapsnapshot");`,
    'TypeError: TypeError: Module "node:v8" is not available in a function',
  ),
  rejected(
    "maps the file system into WASI",
    `const { WASI } = await import("node:wasi"); return new WASI({ version: "preview1", preopens: { "/": "/" } });`,
    'TypeError: TypeError: Module "node:wasi" is not available in a function',
  ),
  rejected(
    "lists the sockets of all instances",
    `return Array.from(Deno.readDirSync(input.socketDir), ({ name }) => name);`,
    "PermissionDenied: Permission denied",
  ),
  rejected(
    "opens the directory of sockets",
    `Deno.chmodSync(input.socketDir, 0o777); return "opened";`,
    "PermissionDenied: Operation not permitted",
  ),
  rejected(
    "closes the directory of sockets to other invocations",
    `Deno.chmodSync(input.socketDir, 0); return "closed";`,
    "PermissionDenied: Operation not permitted",
  ),
  rejected(
    "leaves a message in the times of the directory of sockets",
    `Deno.utimeSync(input.socketDir, 1, 1); return "left";`,
    "PermissionDenied: Operation not permitted",
  ),
  rejectedBy(
    "makes a directory beside the sockets",
    `Deno.mkdirSync(input.socketDir + "/x"); return "made";`,
    {
      bubblewrap: "Error: Read-only file system",
      landlock: "PermissionDenied: Permission denied",
      process: "PermissionDenied: Permission denied",
    },
  ),
  rejectedBy(
    "puts a file beside the sockets",
    `Deno.writeTextFileSync(input.socketDir + "/x", ""); return "written";`,
    {
      bubblewrap: "Error: Read-only file system",
      landlock: "PermissionDenied: Permission denied",
      process: "PermissionDenied: Permission denied",
    },
  ),
];
