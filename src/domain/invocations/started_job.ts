import type { HandlerContext } from "../../runtime/wire.ts";
import type { InvocationContext, Job } from "../../engine/contract.ts";
import type { HttpExchange } from "../endpoints/exchange.ts";
import type { CallTrigger } from "./new_row.ts";

/** What an attempt needs of its execution. */
interface Startable {
  readonly invocation: InvocationContext;
  readonly job: Omit<Job, "config" | "context">;
  readonly commitId: string;
  readonly trigger: CallTrigger;
  readonly remoteAddress?: string | undefined;
  readonly exchange?: HttpExchange | undefined;
}

/** The job of an attempt that is about to run, without its configuration. @param attempt its number */
export function startedJob(
  execution: Startable,
  attempt: number,
): Startable["job"] & { readonly context: HandlerContext } {
  const { job, exchange } = execution;
  const context = contextOf(execution, attempt);
  if (exchange === undefined) return { ...job, context };
  const { limits, limits: { timeoutMs = 0 } } = job;
  return {
    ...job,
    context: { ...context, ...peerOf(execution) },
    handler: "fetch",
    inputJson: exchange.takeInput(),
    // Its bodies may take longer than a call.
    limits: { ...limits, timeoutMs: exchange.longestMs(timeoutMs) },
  };
}

/** What the handler learns of its call. */
function contextOf(
  { invocation: { invocationId, functionId }, commitId, trigger, remoteAddress, job }: Startable,
  attempt: number,
): HandlerContext {
  return {
    invocationId,
    functionId,
    commitId,
    attempt,
    trigger: { kind: trigger.kind, ...trigger.id === null ? {} : { id: trigger.id } },
    ...remoteAddress === undefined ? {} : { remoteAddress },
    deadline: new Date(Date.now() + (job.limits.timeoutMs ?? 0)).toISOString(),
  };
}

/** The client in the form of the information of `Deno.serve`. */
function peerOf({ remoteAddress }: Startable): Pick<HandlerContext, "remoteAddr"> {
  if (remoteAddress === undefined) return {};
  return { remoteAddr: { transport: "tcp", hostname: remoteAddress, port: 0 } };
}
