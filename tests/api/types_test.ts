/** An editor gets the declarations of a commit's packages, and of the SDK. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type Json, unbase64 } from "../support/client.ts";
import { assertError, ok } from "../support/expect.ts";
import { quietSuite } from "../support/suite.ts";

const RESOLVE = "/api/v1/functions/types";
const SDK = "node_modules/@c1/functions-sdk";

quietSuite("types for an editor", {
  async "has the SDK without a commit"({ client }) {
    const body = ok(await client.get("/api/v1/functions/types"));
    const { types } = JSON.parse(unbase64(body.files[`${SDK}/package.json`]));
    assert.match(unbase64(body.files[join(SDK, types)]), /export/);
    const { types: ofTests } = JSON.parse(
      unbase64(body.files["node_modules/@c1/test/package.json"]),
    );
    assert.ok(join("node_modules/@c1/test", ofTests) in body.files);
  },
  async "has the packages of the lock, and follows no link"({ client, server }) {
    const id = await client.deploy(
      `import { z } from "npm:zod@4.6.7"; export default () => ({ ok: z.string() !== undefined });`,
    );
    const path = `/api/v1/functions/${id}/commits/HEAD/types`;
    const zod = join(server.dataDir, "cache/builder/npm/registry.npmjs.org/zod/4.6.7");
    await Deno.symlink("/etc/hostname", join(zod, "stolen.d.ts")).catch(() => {});
    const body = ok(await client.get(path));
    const paths = Object.keys(body.files);
    assert.ok("node_modules/zod/package.json" in body.files, paths.join(" ").slice(0, 500));
    assert.ok("node_modules/zod/index.d.ts" in body.files && `${SDK}/package.json` in body.files);
    assert.ok(!("node_modules/zod/stolen.d.ts" in body.files) && !("missing" in body));
    assert.ok(
      paths.every((each) => /(?:\.d\.[cm]?ts|package\.json)$/.test(each) || each.includes("@c1/")),
    );
    await Deno.remove(join(zod, "stolen.d.ts")).catch(() => {});
  },
  async "names the packages that this node has not downloaded"({ client, server }) {
    const id = await client.deploy(
      `import ms from "npm:ms@2.1.2"; export default () => ({ day: ms("1d") });`,
    );
    // The directory of the downloads is a link: other servers keep theirs.
    const cache = join(server.dataDir, "cache/builder");
    await Deno.rename(cache, `${cache}.away`);
    try {
      const body = ok(await client.get(`/api/v1/functions/${id}/commits/HEAD/types`));
      assert.deepEqual(body.missing, ["ms@2.1.2"]);
      assert.ok(`${SDK}/package.json` in body.files);
    } finally {
      await Deno.rename(`${cache}.away`, cache);
    }
    const { body } = await client.get(`/api/v1/functions/${id}/commits/HEAD/types`);
    assert.ok(!("missing" in body) && "node_modules/ms/package.json" in body.files);
  },
  async "rejects an unknown commit"({ client }) {
    const id = await client.deploy("export default () => ({});");
    assertError(await client.get(`/api/v1/functions/${id}/commits/none/types`), "COMMIT_NOT_FOUND");
  },
  async "resolves packages that no commit has, and names those that do not resolve"({ client }) {
    const unknown = "invoked-test-no-such-package@1";
    const packages = ["ms@~2.1.0", unknown, "zod@999"];
    const body = ok(await client.post(RESOLVE, { packages }));
    const manifest = JSON.parse(unbase64(body.files["node_modules/ms/package.json"]));
    assert.match(manifest.version, /^2\.1\./);
    assert.ok(`${SDK}/package.json` in body.files && !("missing" in body));
    assert.deepEqual(body.faults.map((violation: Json) => violation.name), [unknown, "zod@999"]);
    assert.match(body.faults[0].message, /'invoked-test-no-such-package' does not exist/);
    assert.match(body.faults[1].message, /zod/);
    const none = await client.post(RESOLVE, { packages: [unknown] });
    assert.deepEqual([none.status, none.body.faults.length], [200, 1]);
    assert.ok(!("node_modules/ms/package.json" in none.body.files));
  },
  async "keeps the versions of a lock file"({ client }) {
    const id = await client.deploy(
      `import ms from "npm:ms@2.1.2"; export default () => ({ day: ms("1d") });`,
    );
    const { body: { content } } = await client.get(`/api/v1/functions/${id}/commits/HEAD/lockfile`);
    const lock = unbase64(content).replaceAll(`"npm:ms@2.1.2"`, `"npm:ms@2"`);
    const body = ok(await client.post(RESOLVE, { packages: ["ms@2"], lock }));
    const manifest = JSON.parse(unbase64(body.files["node_modules/ms/package.json"]));
    assert.equal(manifest.version, "2.1.2");
    const hostile = await client.post(RESOLVE, {
      packages: ["ms@2"],
      lock: lock.replace(/"integrity":/, `"tarball": "http://127.0.0.1/ms.tgz", "integrity":`),
    });
    assertError(hostile, "BUILD_FAILED");
    assert.match(hostile.body.message, /deno\.lock: .* not in the package registry/);
  },
  async "accepts names of npm packages alone, and not too many"({ client }) {
    for (
      const name of ["../zod", "zod\nx", 'zod"', "https://host/x", "jsr:@std/fmt", "zod@1/sub", ""]
    ) {
      const answer = await client.post(RESOLVE, { packages: [name] });
      assertError(answer, "INVALID_FIELD");
      assert.match(answer.body.message, /packages\[?\.?0.* must be the name of an npm package/);
    }
    for (const packages of [[], Array.from({ length: 101 }, (_, n) => `a${n}`)]) {
      assertError(await client.post(RESOLVE, { packages }), "INVALID_FIELD");
    }
  },
});
