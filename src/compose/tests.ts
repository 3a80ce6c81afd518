/** Builds what runs the tests of commits. */
import type { Builder } from "../builder/mod.ts";
import type { Config } from "../config/mod.ts";
import { TestArtifacts } from "../domain/testing/artifacts.ts";
import { type TestParts, Tests } from "../domain/testing/tests.ts";
import type { TenantCallsChange } from "./tenants.ts";

interface TestsParts
  extends Omit<TestParts, "artifacts" | "callsTenants" | "limits" | "volumeLimits"> {
  readonly config: Config;
  readonly builder: Builder;
  readonly shutdown: AbortSignal;
  readonly changeTenantCalls: TenantCallsChange | undefined;
}

/** The tests of commits. Only a local server that records or replays lets them call the tenant of their function. */
export function openTests(parts: TestsParts): Tests {
  const { config: { invocations, tests, volumes }, store, builder, shutdown } = parts;
  return new Tests({
    ...parts,
    artifacts: new TestArtifacts(store, builder, shutdown),
    callsTenants: parts.changeTenantCalls?.answersTests ?? false,
    limits: { ...invocations, ...tests },
    volumeLimits: volumes,
  });
}
