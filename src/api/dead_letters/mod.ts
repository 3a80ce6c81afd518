import { z } from "@hono/zod-openapi";
import type { DeadLetter } from "../../domain/invocations/dead_letters.ts";
import { attemptOut, attemptsOf } from "../invocations/starts.ts";
import { listOf, pageJson, pageOf, pageQuery, timestamp } from "../primitives.ts";
import { bulkIn, bulkOut, replayIn } from "../invocations/change.ts";
import { errorCodeIn, filterOf, queryIn } from "../invocations/filter.ts";
import { idsWithin } from "../scope.ts";
import { jsonOperation, type Operation, type Uses } from "../operation.ts";

const deadLetterOut = z.object({
  id: z.string(),
  functionId: z.string(),
  invocationId: z.string(),
  attempts: z.array(attemptOut).openapi({ description: "Oldest first" }),
  error: z.string().openapi({ description: "Error of the last attempt" }),
  parkedAt: timestamp,
}).openapi("invoked.DeadLetter");

/** The API's form of a dead letter. */
function deadLetterJson(row: DeadLetter): z.input<typeof deadLetterOut> {
  return {
    id: row.id,
    functionId: row.functionId,
    invocationId: row.id,
    attempts: attemptsOf(row),
    error: row.error ?? "",
    parkedAt: row.parkedAt,
  };
}

const PATH = "/api/v1/functions/{function_id}/dead_letters";

const listDeadLetters = jsonOperation({
  operationId: "invoked.DeadLetterService.List",
  route: `GET ${PATH}`,
  summary: "List the dead letters of a function, or of all functions (-), newest first",
  permission: "functions:read",
  query: pageQuery.extend({ error_word: errorCodeIn, query: queryIn }),
  concerns: ({ params }) => params.function_id,
  response: listOf(deadLetterOut),
  async handle({ params, query, functions }, { deadLetters }: Uses<"deadLetters">) {
    const filter = {
      ...filterOf({ errorWord: query.error_word, query: query.query }),
      functionIds: idsWithin(undefined, functions),
    };
    const page = pageOf(query);
    return pageJson(await deadLetters.list(params.function_id, filter, page), deadLetterJson);
  },
});

const getDeadLetter = jsonOperation({
  operationId: "invoked.DeadLetterService.Get",
  route: `GET ${PATH}/{id}`,
  summary: "Get a dead letter",
  permission: "functions:read",
  response: z.object({ deadLetter: deadLetterOut }),
  async handle({ params }, { deadLetters }: Uses<"deadLetters">) {
    return { deadLetter: deadLetterJson(await deadLetters.get(params.function_id, params.id)) };
  },
});

const replayDeadLetter = jsonOperation({
  operationId: "invoked.DeadLetterService.Replay",
  route: `POST ${PATH}/{id}/replay`,
  summary:
    "Invoke the function again with the input of a dead letter, or with another input, and " +
    "drop the dead letter",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  body: replayIn,
  response: z.object({ invocationId: z.string() }),
  async handle({ params, body, principal }, { deadLetters }: Uses<"deadLetters">) {
    const { function_id, id } = params;
    return { invocationId: await deadLetters.replay(principal, function_id, id, body) };
  },
});

const dropDeadLetter = jsonOperation({
  operationId: "invoked.DeadLetterService.Drop",
  route: `DELETE ${PATH}/{id}`,
  summary: "Drop a dead letter and keep its invocation",
  permission: "functions:invoke",
  audit: "call",
  async handle({ params }, { deadLetters }: Uses<"deadLetters">) {
    await deadLetters.drop(params.function_id, params.id);
  },
});

const replayDeadLetters = jsonOperation({
  operationId: "invoked.DeadLetterService.BulkReplay",
  route: `POST ${PATH}/replay`,
  summary: "Replay the dead letters that a filter selects, of a function or of all functions (-)",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  body: bulkIn,
  response: bulkOut,
  async handle({ params, body, principal }, { bulk }: Uses<"bulk">) {
    const { filter, dryRun } = body;
    return await bulk.replayDeadLetters(principal, params.function_id, filterOf(filter), dryRun);
  },
});

const dropDeadLetters = jsonOperation({
  operationId: "invoked.DeadLetterService.BulkDrop",
  route: `POST ${PATH}/drop`,
  summary: "Drop the dead letters that a filter selects, of a function or of all functions (-)",
  permission: "functions:invoke",
  audit: "call",
  destroys: true,
  body: bulkIn,
  response: bulkOut,
  async handle({ params, body }, { bulk }: Uses<"bulk">) {
    return await bulk.dropDeadLetters(params.function_id, filterOf(body.filter), body.dryRun);
  },
});

/** Read, replay and drop invocations without further attempts. */
export const DEAD_LETTER_OPERATIONS: readonly Operation[] = [
  listDeadLetters,
  getDeadLetter,
  replayDeadLetter,
  dropDeadLetter,
  replayDeadLetters,
  dropDeadLetters,
];
