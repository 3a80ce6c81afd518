/** Files: reading, writing, listing. `input.file` is readable by every user of the machine. */
import { gets, noModule, rejected } from "../hostile.ts";

export const FILE_SYSTEM = [
  ...rejected("NotCapable: Requires read access to ", {
    "reads by Deno": `return Deno.readTextFileSync(input.file);`,
    "reads by Deno, later": `return await Deno.readTextFile(input.file);`,
    "opens by Deno": `return (await Deno.open(input.file)).readable;`,
    "reads by node:fs": `return (await import("node:fs")).readFileSync(input.file);`,
    "reads by node:fs/promises":
      `return await (await import("node:fs/promises")).readFile(input.file);`,
    "streams by node:fs":
      `const s = (await import("node:fs")).createReadStream(input.file); return await settled(s, "data");`,
    "reads by a file handle":
      `return await (await (await import("node:fs/promises")).open(input.file)).readFile();`,
    "reads as a Blob":
      `return await (await (await import("node:fs")).openAsBlob(input.file)).text();`,
    "reads by fetch": `return await (await fetch("file://" + input.file)).text();`,
    "reads a path that climbs": `return Deno.readTextFileSync("/proc/../" + input.file);`,
    "reads by a file URL": `return Deno.readTextFileSync(new URL("file://" + input.file));`,
    "loads by extension":
      `const M = req("module"); const m = new M("x"); M._extensions[".js"](m, input.file); return m.exports;`,
    "asks whether a file exists": `return Deno.statSync(input.file).size;`,
    "reads the master key": `return Deno.readTextFileSync(input.dataDir + "/master.key");`,
    "opens the database": `return Deno.readFileSync(input.dataDir + "/invoked.db").length;`,
    "renames":
      `(await import("node:fs")).renameSync(input.file, input.file + "x"); return "renamed";`,
    "links": `Deno.linkSync(input.file, "/tmp/x"); return "linked";`,
  }),
  ...rejected('NotCapable: Requires read access to "/proc/self/root', {
    "reads through a link of procfs":
      `return Deno.readTextFileSync("/proc/self/root" + input.file);`,
  }),
  ...rejected("TypeError: Module ", { "requires": `return req(input.file);` }),
  ...rejected('NotCapable: Requires read access to "/"', {
    "lists by Deno": `return [...Deno.readDirSync("/")].map((e) => e.name);`,
  }),
  ...rejected('NotCapable: Requires read access to "/tmp"', {
    "lists by node:fs": `return (await import("node:fs")).readdirSync("/tmp");`,
    "watches": `return await Deno.watchFs("/tmp")[Symbol.asyncIterator]().next();`,
  }),
  ...gets("false", {
    "asks node:fs whether a file exists":
      `return (await import("node:fs")).existsSync(input.file);`,
  }),
  ...rejected('NotCapable: Requires read access to "/proc/self/exe"', {
    "resolves links": `return Deno.realPathSync("/proc/self/exe");`,
  }),
  ...rejected(noModule("node:sqlite"), {
    "attaches the database":
      `const { DatabaseSync } = await import("node:sqlite"); return new DatabaseSync(input.dataDir + "/invoked.db").prepare("select * from functions").all();`,
    "spills a database into a directory of its choice":
      `const { DatabaseSync } = await import("node:sqlite"); new DatabaseSync(":memory:").exec("pragma temp_store_directory='/tmp'"); return "spilled";`,
  }),
  ...rejected("NotCapable: Requires write access to ", {
    "writes by Deno": `Deno.writeTextFileSync(input.file, "overwritten"); return "written";`,
    "writes by node:fs":
      `(await import("node:fs")).writeFileSync(input.file, "overwritten"); return "written";`,
    "makes a temporary directory by node:fs":
      `return (await import("node:fs")).mkdtempSync("/tmp/x");`,
    "removes": `Deno.removeSync(input.file); return "removed";`,
    "changes the mode": `Deno.chmodSync(input.file, 0o777); return "changed";`,
  }),
  ...rejected('NotCapable: Requires write access to "/proc/self/cwd/bootstrap.ts"', {
    "appends to the runtime":
      `Deno.writeTextFileSync("/proc/self/cwd/bootstrap.ts", "x", { append: true }); return "written";`,
  }),
  ...rejected("NotCapable: Requires write access to <TMP>", {
    "makes a temporary file": `return Deno.makeTempFileSync();`,
  }),
  ...rejected(
    "NotCapable: Deno.symlinkSync() requires unscoped --allow-read and --allow-write permissions; path-scoped grants",
    {
      "links by symbol":
        `(await import("node:fs")).symlinkSync(input.file, "/tmp/x"); return "linked";`,
    },
  ),
  ...rejected('NotCapable: Requires read access to "/etc"', {
    "changes the directory": `Deno.chdir("/etc"); return Deno.cwd();`,
  }),
  ...rejected(noModule("node:v8"), {
    "writes a heap snapshot":
      `return (await import("node:v8")).writeHeapSnapshot("/tmp/x.heapsnapshot");`,
  }),
  ...rejected(noModule("node:wasi"), {
    "maps the file system into WASI":
      `const { WASI } = await import("node:wasi"); return new WASI({ version: "preview1", preopens: { "/": "/" } });`,
  }),
  ...rejected("PermissionDenied: Permission denied", {
    "lists the sockets of all instances":
      `return Array.from(Deno.readDirSync(input.socketDir), ({ name }) => name);`,
  }),
  ...rejected("PermissionDenied: Operation not permitted", {
    "opens the directory of sockets": `Deno.chmodSync(input.socketDir, 0o777); return "opened";`,
    "closes the directory of sockets to other invocations":
      `Deno.chmodSync(input.socketDir, 0); return "closed";`,
    "leaves a message in the times of the directory of sockets":
      `Deno.utimeSync(input.socketDir, 1, 1); return "left";`,
  }),
  ...rejected({
    bubblewrap: "Error: Read-only file system",
    landlock: "PermissionDenied: Permission denied",
    process: "PermissionDenied: Permission denied",
  }, {
    "makes a directory beside the sockets":
      `Deno.mkdirSync(input.socketDir + "/x"); return "made";`,
    "puts a file beside the sockets":
      `Deno.writeTextFileSync(input.socketDir + "/x", ""); return "written";`,
  }),
];
