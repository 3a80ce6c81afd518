/** Builds what runs the tests of commits. */
import { TestArtifacts } from "../domain/testing/artifacts.ts";
import { Tests } from "../domain/testing/tests.ts";
import type { Shared } from "./parts.ts";

/** The tests of commits. Only a local server that records or replays lets them call the tenant of their function. */
export function openTests(parts: Shared): Tests {
  const { config: { invocations, tests, volumes }, store, builder, shutdown } = parts;
  return new Tests({
    ...parts,
    artifacts: new TestArtifacts(store, builder, shutdown),
    callsTenants: parts.changeTenantCalls?.answersTests ?? false,
    limits: { ...invocations, ...tests },
    volumeLimits: volumes,
  });
}
