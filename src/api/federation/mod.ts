import type { Operation } from "../operation.ts";
import { PROVIDER_OPERATIONS } from "./providers.ts";
import { FEDERATION_TEST_OPERATIONS } from "./tests.ts";
import { TRUST_OPERATIONS } from "./trusts.ts";

/** Providers of workload identities, and the trusts that let their workloads act as service principals. */
export const FEDERATION_OPERATIONS: readonly Operation[] = [
  ...PROVIDER_OPERATIONS,
  ...TRUST_OPERATIONS,
  ...FEDERATION_TEST_OPERATIONS,
];
