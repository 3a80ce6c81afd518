/** Hostile functions through the API, in each isolation mode: none has an effect, and the server stays healthy. */
import assert from "node:assert/strict";
import { runInvoked } from "../support/invoked.ts";
import { TestServer } from "../support/server.ts";
import { DESCRIPTORS } from "./classes/descriptors.ts";
import { DNS } from "./classes/dns.ts";
import { ENVIRONMENT } from "./classes/environment.ts";
import { FILE_SYSTEM } from "./classes/file_system.ts";
import { FORGERY } from "./classes/forgery.ts";
import { IMPORTS } from "./classes/imports.ts";
import { NETWORK } from "./classes/network.ts";
import { PROCESSES } from "./classes/processes.ts";
import { LIMIT_FLAGS, RESOURCES } from "./classes/resources.ts";
import { RESULTS } from "./classes/results.ts";
import { STORAGE } from "./classes/storage.ts";
import type { Hostile, Mode } from "./hostile.ts";
import { openGround, Stage } from "./stage.ts";

const CLASSES: Readonly<Record<string, readonly Hostile[]>> = {
  "file system": FILE_SYSTEM,
  "environment": ENVIRONMENT,
  "processes": PROCESSES,
  "imports": IMPORTS,
  "descriptors": DESCRIPTORS,
  "forgery": FORGERY,
  "network": NETWORK,
  "DNS": DNS,
  "storage": STORAGE,
  "resources": RESOURCES,
  "results": RESULTS,
};

interface Verdict {
  readonly mode: Mode;
  readonly available: boolean;
  readonly detail: string;
}

const { stdout } = await runInvoked(["doctor", "--json"]);
const VERDICTS: readonly Verdict[] = JSON.parse(stdout).isolation.modes;

Deno.test("hostile functions get nowhere", async (context) => {
  await using ground = await openGround();
  for (const { mode, available, detail } of VERDICTS) {
    if (!available) {
      await context.step(`${mode} is not available: ${detail}`, async () => {
        await assert.rejects(
          TestServer.start({ flags: ["--isolation", mode] }),
          new RegExp(`Cannot isolate functions with ${mode}`),
        );
      });
      continue;
    }
    await using stage = await Stage.open(ground, mode, LIMIT_FLAGS);
    for (const [name, functions] of Object.entries(CLASSES)) {
      await context.step(`${mode}: ${name}, ${functions.length} functions`, async () => {
        assert.deepEqual(await stage.attack(functions), []);
      });
    }
  }
});

Deno.test("every hostile function has a name of its own in its class", () => {
  for (const [name, functions] of Object.entries(CLASSES)) {
    const names = functions.map((one) => one.name);
    assert.deepEqual(names, [...new Set(names)], name);
  }
});
