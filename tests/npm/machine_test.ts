/** What packages find when they look at the machine: the same everywhere, and nothing of the server's. */
import assert from "node:assert/strict";
import type { Client, Json } from "../support/client.ts";
import { sharedSuite, type Stage } from "../support/suite.ts";

async function answer(client: Client, main: string): Promise<Json> {
  const id = await client.deploy(main);
  const { body } = await client.invoke(id);
  return await client.invocation(id, body.invocationId);
}

const MACHINE = {
  hostname: "localhost",
  homedir: "/",
  tmpdir: "/tmp",
  release: "0.0.0",
  version: "",
  networkInterfaces: {},
  cpus: 1,
  userInfo: { uid: 65534, gid: 65534, username: "nobody", homedir: "/", shell: null },
};

async function machine({ client }: Stage): Promise<void> {
  const { output, error } = await answer(
    client,
    `
    import os, { cpus, homedir, hostname, networkInterfaces, release, tmpdir, userInfo, version } from "node:os";
    import { createRequire } from "node:module";
    import * as all from "node:os";
    const required = createRequire("file:///main.js")("os");
    const named = { cpus, homedir, hostname, networkInterfaces, release, tmpdir, userInfo, version };
    const look = (os: any) => Object.fromEntries(
      Object.keys(named).map((name) => [name, name === "cpus" ? os.cpus().length : os[name]()]),
    );
    export default async () => ({
      looks: [os, required, named, all, await import("node:os")].map(look),
      more: [typeof os.EOL, typeof all.constants, all.platform()],
    });
    `,
  );
  assert.equal(error, undefined);
  assert.deepEqual(output.looks, Array.from({ length: 5 }, () => MACHINE));
  assert.deepEqual(output.more, ["string", "object", Deno.build.os]);
}

async function user({ client }: Stage): Promise<void> {
  const { output, error } = await answer(
    client,
    `
    import imported, { getuid, umask } from "node:process";
    export default () => ({
      ids: [process.getuid(), process.geteuid(), process.getgid(), process.getegid(), getuid()],
      groups: process.getgroups(),
      umasks: [process.umask(), umask()],
      argv: imported.argv,
      report: process.report.getReport(),
      env: process.env.HOME ?? "none",
      version: /^v\\d+\\./.test(process.version) && typeof process.versions.node,
    });
    `,
  );
  assert.equal(error, undefined);
  assert.deepEqual(output, {
    ids: [65534, 65534, 65534, 65534, 65534],
    groups: [],
    umasks: [0o77, 0o77],
    argv: ["deno", "/main.js"],
    report: {},
    env: "none",
    version: "string",
  });
}

async function files({ client }: Stage): Promise<void> {
  const { output, error } = await answer(
    client,
    `
    import fs, { existsSync, exists } from "node:fs";
    import { readFile } from "node:fs/promises";
    export default async () => ({
      exist: [
        fs.existsSync("/etc/passwd"), existsSync("/"), existsSync(undefined as never),
        await new Promise((resolve) => exists("/etc/passwd", resolve)),
        await new Promise((resolve) => fs.exists("/etc/passwd", resolve)),
      ],
      codes: [
        await readFile("/etc/passwd").catch(({ code }) => code),
        await new Promise((resolve) => fs.stat("/etc/passwd", (error) => resolve(error?.code))),
        await Deno.readFile("/etc/passwd").catch((error) => [error.name, error.code]),
      ],
    });
    `,
  );
  assert.equal(error, undefined);
  assert.deepEqual(output, {
    exist: [false, false, false, false, false],
    codes: ["EACCES", "EACCES", ["NotCapable", "EACCES"]],
  });
}

async function rejections({ client }: Stage): Promise<void> {
  const read = await answer(
    client,
    `import { readFileSync } from "node:fs";\nexport default () => readFileSync("/etc/passwd");`,
  );
  assert.match(
    read.error,
    /^UNCAUGHT: NotCapable: Requires read access to "\/etc\/passwd", which a function does not have; a function cannot use .*\n/,
  );
  const native = await answer(
    client,
    `import { createRequire } from "node:module";
    export default () => createRequire("file:///main.js")("./build/x.node");`,
  );
  assert.match(native.error, /"\.\/build\/x\.node" is not available in a function: it is native/);
}

async function replaced({ client }: Stage): Promise<void> {
  const { output } = await answer(
    client,
    `
    import fs from "node:fs";
    import os from "node:os";
    import { createRequire } from "node:module";
    export default () => {
      os.hostname = () => "mocked";
      fs.existsSync = () => true;
      const require = createRequire("file:///main.js");
      return { names: [os.hostname(), require("node:os").hostname()], exist: require("node:fs").existsSync("/") };
    };
    `,
  );
  assert.deepEqual(output, { names: ["mocked", "mocked"], exist: true });
}

sharedSuite("what packages see of the machine", {
  "node:os reports the same small machine, however it is imported": machine,
  "process runs as nobody, without arguments and environment": user,
  "node:fs says that nothing is there, and rejects with a code": files,
  "an uncaught error names the restriction": rejections,
  "a function can replace what it sees": replaced,
});
