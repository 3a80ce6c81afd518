/** What every store does, whatever its database is. */
import type { Store } from "../../../src/store/mod.ts";
import { ALERTS } from "./alerts.ts";
import { APPROVALS } from "./approvals.ts";
import { AUDIT } from "./audit.ts";
import { COMMITS, IDENTITY } from "./commits.ts";
import { DELAYS } from "./delays.ts";
import { FLOW } from "./flow.ts";
import { FUNCTIONS } from "./functions.ts";
import { INVOCATIONS, PURGES, SEARCH } from "./invocations.ts";
import { OUTBOX } from "./outbox.ts";
import { SESSIONS } from "./sessions.ts";
import type { Steps } from "./rows.ts";
import { STATISTICS } from "./statistics.ts";
import { TENANTS } from "./tenants.ts";
import { TRIGGERS } from "./triggers.ts";
import { USAGE } from "./usage.ts";
import { VOLUMES } from "./volumes.ts";
import { WRITES } from "./writes.ts";

/** The suites; the steps of each share one store, which is new for the first. */
const SUITES: Readonly<Record<string, Steps>> = {
  functions: FUNCTIONS,
  commits: COMMITS,
  identity: IDENTITY,
  sessions: SESSIONS,
  approvals: APPROVALS,
  invocations: INVOCATIONS,
  delays: DELAYS,
  outbox: OUTBOX,
  flow: FLOW,
  search: SEARCH,
  purges: PURGES,
  statistics: STATISTICS,
  usage: USAGE,
  tenants: TENANTS,
  triggers: TRIGGERS,
  volumes: VOLUMES,
  writes: WRITES,
  audit: AUDIT,
  alerts: ALERTS,
};

/** Runs every suite, or those that are named, each on a new store. */
export async function testConformance(
  t: Deno.TestContext,
  withStore: (work: (store: Store) => Promise<void>) => Promise<void>,
  names: readonly string[] = Object.keys(SUITES),
): Promise<void> {
  for (const name of names) {
    const steps = SUITES[name] ?? {};
    await t.step(name, async (t) => {
      await withStore(async (store) => {
        for (const [step, body] of Object.entries(steps)) await t.step(step, () => body(store));
      });
    });
  }
}
