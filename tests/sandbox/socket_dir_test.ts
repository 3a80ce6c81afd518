import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { openSocketDir, UnixListener } from "../../src/isolation/mod.ts";
import { makeTempDir } from "../support/invoked.ts";

Deno.test("a server that starts removes socket directories of servers that are gone, and no others", async () => {
  await using directory = await makeTempDir();
  await using first = await openSocketDir(join(directory.path, "first"));
  const parent = dirname(first.path);
  const leftBy = async (owner: string) => {
    const path = await Deno.makeTempDir({ dir: parent, prefix: "invoked-egress-" });
    await Deno.writeTextFile(join(path, "owner"), owner);
    return path;
  };
  const gone = await leftBy(join(directory.path, "gone"));
  const starting = await leftBy("");
  const predecessor = await leftBy(join(directory.path, "second"));
  await using _second = await openSocketDir(join(directory.path, "second"));
  const exists = (path: string) => Deno.stat(path).then(() => true, () => false);
  const kept = await Promise.all([gone, starting, predecessor, first.path].map(exists));
  assert.deepEqual(kept, [false, true, false, true]);
  await Deno.remove(starting, { recursive: true });
});

Deno.test("a socket closes after its directory was removed, and when a file is where its directory was", async () => {
  await using directory = await makeTempDir();
  for (const isInTheWay of [false, true]) {
    const sockets = join(directory.path, "sockets");
    await Deno.mkdir(sockets);
    const listener = new UnixListener(join(sockets, "socket"), () => {}, () => {});
    await Deno.remove(sockets, { recursive: true });
    if (isInTheWay) await Deno.writeTextFile(sockets, "in the way");
    listener[Symbol.dispose]();
    listener[Symbol.dispose]();
  }
});
