import type { FunctionRow } from "../../store/functions.ts";
import { targetColumn, type WantedTarget } from "../destinations/target.ts";
import { FLOW_COLUMN_OF, type WantedFlow } from "./flow_settings.ts";
import { MIB, type WantedLimits } from "./limits.ts";
import { retryPolicyColumn, type WantedRetryPolicy } from "./retry_policy.ts";

/** Function types of the API; UNSPECIFIED becomes ANY on create. */
export const FUNCTION_TYPES = [
  "FUNCTION_TYPE_UNSPECIFIED",
  "FUNCTION_TYPE_ANY",
  "FUNCTION_TYPE_CODE_MODE",
] as const;
export type FunctionType = (typeof FUNCTION_TYPES)[number];

/** How many calls a process runs: one, or one after another. UNSPECIFIED in a request means NONE. */
export const PROCESS_REUSES = [
  "PROCESS_REUSE_UNSPECIFIED",
  "PROCESS_REUSE_NONE",
  "PROCESS_REUSE_SEQUENTIAL",
] as const;
export type ProcessReuse = (typeof PROCESS_REUSES)[number];

export const DISPLAY_NAME_CHARS_MAX = 256;
export const DESCRIPTION_CHARS_MAX = 4096;
export const ALLOWLIST_ENTRIES_MAX = 256;
export const PROVISIONED_CONCURRENCY_MAX = 100;
export const SCOPED_ROLES_MAX = 100;

/** What a caller can set of a function, besides its published commit and its secrets. Absent means the default. */
export interface FunctionSettings extends WantedLimits, WantedFlow {
  readonly displayName?: string | undefined;
  readonly description?: string | undefined;
  readonly functionType?: FunctionType | undefined;
  readonly outboundNetworkAllowlist?: readonly string[] | undefined;
  readonly provisionedConcurrency?: number | undefined;
  readonly processReuse?: ProcessReuse | undefined;
  readonly scopedRoleIds?: readonly string[] | undefined;
  /** The volume of calls that name none; empty means none. */
  readonly vfsId?: string | undefined;
  readonly variables?: Readonly<Record<string, string>> | undefined;
  readonly retryPolicy?: WantedRetryPolicy | undefined;
  readonly onSuccess?: WantedTarget | undefined;
  readonly onFailure?: WantedTarget | undefined;
}

/** The column of each setting, from its value or from its absence. */
const COLUMN_OF = {
  displayName: ({ displayName = "" }) => ({ displayName }),
  description: ({ description = "" }) => ({ description }),
  functionType: ({ functionType }) => ({ functionType: typeOrAny(functionType) }),
  outboundNetworkAllowlist: ({ outboundNetworkAllowlist = [] }) => ({
    outboundNetworkAllowlist: JSON.stringify(outboundNetworkAllowlist),
  }),
  provisionedConcurrency: ({ provisionedConcurrency = 0 }) => ({ provisionedConcurrency }),
  processReuse: ({ processReuse }) => ({ processReuse: reuseOrNone(processReuse) }),
  scopedRoleIds: ({ scopedRoleIds = [] }) => ({ scopedRoleIds: JSON.stringify(scopedRoleIds) }),
  timeout: ({ timeout }) => ({ timeoutMs: timeout || null }),
  cpuTimeout: ({ cpuTimeout }) => ({ cpuTimeMs: cpuTimeout || null }),
  memoryMib: ({ memoryMib = 0 }) => ({ memoryBytes: memoryMib * MIB || null }),
  maxConcurrency: ({ maxConcurrency }) => ({ maxConcurrency: maxConcurrency || null }),
  retention: ({ retention }) => ({ retentionMs: retention || null }),
  vfsId: ({ vfsId }) => ({ volumeId: vfsId || null }),
  variables: ({ variables = {} }) => ({ variables: JSON.stringify(variables) }),
  retryPolicy: ({ retryPolicy }) => ({ retryPolicy: retryPolicyColumn(retryPolicy) }),
  onSuccess: ({ onSuccess }) => ({ onSuccess: targetColumn(onSuccess) }),
  onFailure: ({ onFailure }) => ({ onFailure: targetColumn(onFailure) }),
  ...FLOW_COLUMN_OF,
} satisfies {
  readonly [S in keyof FunctionSettings]-?: (settings: FunctionSettings) => Partial<FunctionRow>;
};

export type Setting = keyof typeof COLUMN_OF;
export const SETTINGS = Object.keys(COLUMN_OF) as readonly Setting[];

/** The columns of all settings. */
type SettingColumns = Omit<
  FunctionRow,
  | "id"
  | "head"
  | "publishedCommitId"
  | "isDraft"
  | "circuitBreakerPausedAt"
  | "createdAt"
  | "updatedAt"
  | "deletedAt"
>;

/** The columns of every setting of a new function. */
export function newColumns(settings: FunctionSettings): SettingColumns {
  return changedColumns(settings, SETTINGS) as SettingColumns;
}

/** The columns of these settings. */
export function changedColumns(
  settings: FunctionSettings,
  changed: readonly Setting[],
): Partial<SettingColumns> {
  return Object.assign({}, ...changed.map((setting) => COLUMN_OF[setting](settings)));
}

function reuseOrNone(
  reuse: ProcessReuse = "PROCESS_REUSE_UNSPECIFIED",
): FunctionRow["processReuse"] {
  return reuse === "PROCESS_REUSE_UNSPECIFIED" ? "PROCESS_REUSE_NONE" : reuse;
}

function typeOrAny(type: FunctionType = "FUNCTION_TYPE_UNSPECIFIED"): FunctionType {
  return type === "FUNCTION_TYPE_UNSPECIFIED" ? "FUNCTION_TYPE_ANY" : type;
}
