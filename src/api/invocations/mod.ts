import type { Operation } from "../operation.ts";
import {
  getAnyInvocation,
  getInvocation,
  listInvocations,
  searchAllInvocations,
  searchInvocations,
} from "./read.ts";
import {
  cancelInvocation,
  cancelInvocations,
  replayInvocation,
  replayInvocations,
} from "./change.ts";
import { invoke } from "./invoke.ts";
import { listLogs } from "./list_logs.ts";

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
