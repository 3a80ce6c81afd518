/** Which invocations a search finds, and what acts on many at once takes. */
import { z } from "@hono/zod-openapi";
import type { InvocationFilter } from "../../domain/invocations/searches.ts";
import { idPrefixIn, searchText, timestampIn } from "../primitives.ts";
import { invocationStatus, parentInvocationId, statusOf } from "./schemas.ts";
import { triggerKind, triggerKindOf } from "./starts.ts";

const FUNCTIONS_MAX = 100;

export const errorCodeIn = z.string().regex(/^[A-Z0-9_]{0,64}$/, {
  error: "must be an error code, such as TIMEOUT",
}).optional().openapi({ description: "Only invocations with this `failure`" });

export const queryIn = searchText.optional().openapi({
  description: "Text in input, output, error or log lines",
});

/** The fields of a filter. */
export const filterIn = {
  status: invocationStatus.optional(),
  failed: z.boolean().optional().openapi({
    description:
      "Only invocations with a `failure`, or only invocations without a `failure`; both by default",
  }),
  triggerKind: triggerKind.optional(),
  errorWord: errorCodeIn,
  since: timestampIn.optional().openapi({ description: "Inclusive" }),
  until: timestampIn.optional().openapi({ description: "Exclusive" }),
  query: queryIn,
  idPrefix: idPrefixIn,
  parentInvocationId,
};

/** The field that limits a filter to some functions. */
export const functionIdsIn = z.array(z.string()).max(FUNCTIONS_MAX).optional().openapi({
  description: "Empty: all functions",
});

const filterObject = z.object({ ...filterIn, functionIds: functionIdsIn });

/** The filter of an operation on many invocations. */
export const bulkFilterIn = filterObject.openapi("invoked.InvocationFilter");

/** The filter as the domain has it. */
export function filterOf(
  { status, triggerKind, errorWord, ...others }: Partial<z.output<typeof filterObject>>,
): InvocationFilter {
  const { functionIds, failed, since, until, query, idPrefix, parentInvocationId } = others;
  return {
    status: statusOf(status),
    failed,
    triggerKind: triggerKindOf(triggerKind),
    errorCode: errorWord || undefined,
    functionIds: functionIds?.length ? functionIds : undefined,
    since,
    until,
    query,
    idPrefix,
    parentInvocationId,
  };
}
