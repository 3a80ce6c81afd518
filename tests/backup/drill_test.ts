/** The drill of docs/backup.md runs as it is, on a free port. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { freePort } from "../../deploy/local_cluster/network.ts";
import { shareDownloads } from "../support/downloads.ts";
import { INVOKED, makeTempDir } from "../support/invoked.ts";
import { SERVER_ENV, startOnce } from "../support/server.ts";

const PAGE = new URL("../../docs/backup.md", import.meta.url);

Deno.test("the drill can be pasted", async () => {
  await using directory = await makeTempDir();
  const page = await Deno.readTextFile(PAGE);
  const [, block = ""] = /## A drill in ten minutes\n[^]*?```sh\n([^]*?)```/.exec(page) ?? [];
  assert.ok(block.includes("invoked restore"));
  const [port, path] = [freePort(), directory.path];
  // The directory of the restore must be empty.
  await shareDownloads(join(path, "original"), startOnce);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", block.replaceAll("8080", `${port}`)],
    cwd: path,
    clearEnv: true,
    env: { ...SERVER_ENV, HOME: path, PATH: `${dirname(INVOKED)}:${SERVER_ENV["PATH"]}` },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.equal(code, 0, text + new TextDecoder().decode(stderr));
  // A response of /readyz ends without a new line, before or after what the server prints.
  for (const expected of [/Backup of /, /^Restored /m, / is whole: /, /Resumed: /]) {
    assert.match(text, expected);
  }
});
