/** A compiler that is killed, as by the kernel when the machine runs out of memory, is no fault of the commit. */
import assert from "node:assert/strict";
import { Client, type Json } from "../support/client.ts";
import { eventually } from "../support/eventually.ts";
import { assertError, MAIN, ok } from "../support/expect.ts";
import { exists } from "../../src/shared/files.ts";
import { findProgram } from "../../src/isolation/machine.ts";
import { makeTempDir } from "../support/invoked.ts";
import { SEARCH_PATH } from "../sandbox/harness.ts";
import { join } from "node:path";
import { procfsTest } from "../support/machine.ts";
import { TestServer } from "../support/server.ts";

const FILES = {
  "main.ts": MAIN,
  "main.test.ts": 'import { test } from "@c1/test";\ntest("passes", () => {});\n',
};

async function uploaded(client: Client, functionId: string): Promise<Json> {
  const commits = `/api/v1/functions/${functionId}/commits`;
  const opened = ok(await client.post(commits, { filenames: Object.keys(FILES) }));
  for (const [name, text] of Object.entries(FILES)) {
    const headers = { "content-type": "application/octet-stream" };
    const url = opened.uploadUrls[name];
    const { status } = await new Client(client.url, undefined).call("PUT", url, text, headers);
    assert.equal(status, 204);
  }
  return { id: opened.commitId, finalize: `${commits}/${opened.commitId}/finalize` };
}

/** A directory with a `setsid` that kills the next run of a compiler whose command line has the words in a file. */
async function makeKiller(directory: string) {
  const next = join(directory, "next");
  const script = `#!/bin/sh
    if [ -e '${next}' ]; then
      read -r words <'${next}'
      case " $* " in *"$words"*) rm '${next}'; kill -KILL $$;; esac
    fi
    exec '${await findProgram("setsid", SEARCH_PATH)}' "$@"\n`;
  await Deno.writeTextFile(join(directory, "setsid"), script, { mode: 0o755 });
  return {
    path: `${directory}:${SEARCH_PATH}`,
    kill: (words: string) => Deno.writeTextFile(next, `${words}\n`),
    killed: () => eventually(async () => !await exists(next) || undefined, "a run to kill"),
  };
}

procfsTest(
  "a killed compiler answers BUILD_KILLED, and the same request succeeds later",
  async () => {
    await using directory = await makeTempDir();
    const killer = await makeKiller(directory.path);
    const env = { INVOKED_CHECK_TYPES: "true", PATH: killer.path };
    await using server = await TestServer.start({ env });
    const client = await server.client();
    const { function: { id } } = await client.createFunction("killed");
    const commit = await uploaded(client, id);
    const asUnavailable = {
      message: /^Build of .* failed: the compiler was killed \(SIGKILL\), as the /,
    };

    for (const run of ["deno info", "deno bundle"]) {
      await killer.kill(run);
      const build = await client.post(commit.finalize, {});
      assertError(build, "BUILD_KILLED", asUnavailable);
      assert.match(build.headers.get("retry-after") ?? "", /^[1-9]\d*$/);
    }
    await killer.kill("deno check");
    ok(await client.post(commit.finalize, {}));
    await killer.killed();
    const state = await eventually(async () => {
      const { typeCheck } = ok(await client.get(`/api/v1/functions/${id}/commits/${commit.id}`));
      return typeCheck.state === "TYPE_CHECK_STATE_PENDING" ? undefined : typeCheck.state;
    }, "the end of the type check");
    assert.equal(state, "TYPE_CHECK_STATE_CHECKED", "it ran again");

    const path = `/api/v1/functions/${id}/test`;
    await killer.kill("deno bundle");
    assertError(await client.post(path, { commitId: commit.id }), "BUILD_KILLED", asUnavailable);
    ok(await client.post(path, { commitId: commit.id }));
  },
);
