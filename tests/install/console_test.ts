/** `scripts/console` builds the console from its sources, once for each state of them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { makeTempDir } from "../support/invoked.ts";

const CONSOLE = fileURLToPath(new URL("../../scripts/console", import.meta.url));
/** A fake of the runtime that runs vite: it fails beside a file named broken, else leaves the sources as the build. */
const RUNTIME = `#!/bin/sh
echo "$@" >> builds.log
[ ! -e broken ] || { echo "an error in main.ts"; exit 1; }
while [ "$1" != --outDir ]; do shift; done
mkdir -p "$2" && cp console/main.ts "$2/index.html"
`;

Deno.test("the console is built once for each state of its sources", async () => {
  await using directory = await makeTempDir();
  const root = directory.path;
  for (
    const folder of [
      "scripts",
      "console",
      "examples",
      "sdk",
      "src/resources",
      "src/shared",
      "templates",
      "node_modules/deno",
    ]
  ) {
    await Deno.mkdir(`${root}/${folder}`, { recursive: true });
  }
  await Deno.copyFile(CONSOLE, `${root}/scripts/console`);
  await Deno.writeTextFile(`${root}/node_modules/deno/deno`, RUNTIME, { mode: 0o755 });
  await Deno.writeTextFile(`${root}/package-lock.json`, "{}\n");
  const build = async () => {
    const { success, stdout, stderr } = await new Deno.Command(`${root}/scripts/console`).output();
    assert.equal(stdout.length, 0);
    return { success, notes: new TextDecoder().decode(stderr) };
  };
  const builds = async () => {
    const log = await Deno.readTextFile(`${root}/builds.log`);
    return log.trim().split("\n").length;
  };
  const built = () => Deno.readTextFile(`${root}/console/dist/index.html`);
  const later = (hours: number) => new Date(Date.now() + hours * 3_600_000);
  const main = `${root}/console/main.ts`;

  assert.deepEqual(await build(), { success: true, notes: "" }, "without sources");
  await Deno.writeTextFile(`${root}/console/vite.config.ts`, "");
  await Deno.writeTextFile(main, "first");
  await Deno.writeTextFile(`${root}/console/extra.ts`, "");
  const [one, other] = await Promise.all([build(), build()]);
  assert.ok(one.success && other.success);
  assert.match(one.notes + other.notes, /^Building the console \.\.\.\n$/, "one of two builds");
  assert.deepEqual([await built(), await builds()], ["first", 1]);
  assert.deepEqual([await build(), await builds()], [{ success: true, notes: "" }, 1]);

  await Deno.remove(`${root}/console/extra.ts`);
  await Deno.utime(`${root}/console`, later(1), later(1));
  assert.match((await build()).notes, /^Building/, "a file was removed");
  assert.equal(await builds(), 2);

  await Deno.utime(main, later(1), later(1));
  assert.deepEqual([(await build()).notes, await builds()], ["", 2], "only its time changed");

  await Deno.writeTextFile(`${root}/src/resources/schema.d.ts`, "export interface paths {}");
  await Deno.utime(`${root}/src/resources`, later(2), later(2));
  assert.deepEqual([(await build()).notes, await builds()], ["", 2], "no build contains types");

  await Deno.writeTextFile(main, "second");
  await Deno.utime(main, later(2), later(2));
  assert.match((await build()).notes, /^Building/);
  assert.deepEqual([await built(), await builds()], ["second", 3]);

  await Deno.writeTextFile(main, "third");
  await Deno.utime(main, later(3), later(3));
  await Deno.writeTextFile(`${root}/broken`, "");
  const failed = await build();
  assert.equal(failed.success, false);
  assert.match(failed.notes, /an error in main\.ts\nerror: vite failed to build the console/);
  assert.equal(await built(), "second", "the last build that succeeded stays");
  await Deno.remove(`${root}/broken`);
  assert.ok((await build()).success);
  assert.equal(await built(), "third");

  await Deno.remove(`${root}/console/dist/index.html`);
  assert.match((await build()).notes, /^Building/, "a part of the build was removed");
  assert.equal(await built(), "third");

  const names = await Array.fromAsync(Deno.readDir(`${root}/console`), ({ name }) => name);
  assert.deepEqual(names.toSorted(), ["dist", "main.ts", "vite.config.ts"], "nothing is left");
});
