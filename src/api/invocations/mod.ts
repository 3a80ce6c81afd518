import type { Operation } from "../operation.ts";
import { getAnyInvocation, searchAllInvocations } from "./any_invocation.ts";
import { cancelInvocations, replayInvocations } from "./bulk.ts";
import { cancelInvocation } from "./cancel_invocation.ts";
import { getInvocation } from "./get_invocation.ts";
import { invoke } from "./invoke.ts";
import { listInvocations } from "./list_invocations.ts";
import { listLogs } from "./list_logs.ts";
import { replayInvocation } from "./replay_invocation.ts";
import { searchInvocations } from "./search_invocations.ts";

/** Invoke functions; read, cancel and follow the invocations. */
export const INVOCATION_OPERATIONS: readonly Operation[] = [
  invoke,
  listInvocations,
  searchInvocations,
  getInvocation,
  cancelInvocation,
  replayInvocation,
  listLogs,
  getAnyInvocation,
  searchAllInvocations,
  replayInvocations,
  cancelInvocations,
];
