import type { Operation } from "../operation.ts";
import {
  createProvider,
  deleteProvider,
  getProvider,
  listProviders,
  updateProvider,
} from "./providers.ts";
import { testCel, testToken } from "./tests.ts";
import {
  createTrust,
  deleteTrust,
  getTrust,
  listTrusts,
  searchTrusts,
  updateTrust,
} from "./trusts.ts";

/** Providers of workload identities, and the trusts that let their workloads act as service principals. */
export const FEDERATION_OPERATIONS: readonly Operation[] = [
  listProviders,
  createProvider,
  getProvider,
  updateProvider,
  deleteProvider,
  searchTrusts,
  listTrusts,
  createTrust,
  getTrust,
  updateTrust,
  deleteTrust,
  testToken,
  testCel,
];
