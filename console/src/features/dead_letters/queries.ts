import { keepPreviousData, queryOptions } from "@tanstack/react-query";
import { call, type DeadLetter, encodeBase64, type Invocation } from "../../api/client.ts";
import { keys, pagedQuery } from "../../api/queries.ts";
import type { Change } from "../../parts/attempts.tsx";

/** Which dead letters are listed; absent members filter nothing. */
export interface LetterFilter {
  /** The id of a function. */
  readonly function?: string;
  readonly word?: string;
  readonly q?: string;
}

export interface LetterSearch extends LetterFilter {
  /** The id of the open one. */
  readonly letter?: string;
}

/** In place of the id of a function. */
const ALL_FUNCTIONS = "-";
/** Requests of one action on many dead letters at the same time. */
const CONCURRENCY = 4;

/** The dead letters that a filter finds, newest first. */
export function deadLettersQuery({ function: id = ALL_FUNCTIONS, word, q }: LetterFilter) {
  const found = pagedQuery<DeadLetter>(
    keys.deadLetters({ id, word, q }),
    (page, signal) =>
      call("GET /api/v1/functions/{function_id}/dead_letters", {
        path: { function_id: id },
        query: {
          ...page,
          ...word === undefined ? {} : { error_word: word },
          ...q === undefined ? {} : { query: q },
        },
        signal,
      }),
  );
  return { ...found, placeholderData: keepPreviousData };
}

/** A dead letter with what its invocation knows. */
export interface WholeLetter {
  readonly letter: DeadLetter;
  readonly invocation: Pick<Invocation, "input" | "commitId">;
}

/** Reads a dead letter, wherever it is in the list. */
export function letterQuery(id: string) {
  return queryOptions({
    queryKey: keys.deadLetters({ letter: id }),
    queryFn: async ({ signal }): Promise<WholeLetter> => {
      const answer = await call("GET /api/v1/invocations/{id}", { path: { id }, signal });
      const invocation = answer.invocation as Invocation;
      const { deadLetter } = await call("GET /api/v1/functions/{function_id}/dead_letters/{id}", {
        path: { function_id: invocation.functionId, id },
        signal,
      });
      return { letter: deadLetter, invocation };
    },
    retry: false,
  });
}

export type Action = "replay" | "drop";

/** Acts on all dead letters that a filter finds, or only counts them. */
export async function actOnMatching(
  action: Action,
  { function: id = ALL_FUNCTIONS, word, q }: LetterFilter,
  dryRun: boolean,
) {
  const filter = {
    ...word === undefined ? {} : { errorWord: word },
    ...q === undefined ? {} : { query: q },
  };
  const request = { path: { function_id: id }, body: { filter, dryRun } };
  return await (action === "replay"
    ? call("POST /api/v1/functions/{function_id}/dead_letters/replay", request)
    : call("POST /api/v1/functions/{function_id}/dead_letters/drop", request));
}

/** Replays a dead letter with a change. */
export async function replayChanged(
  { functionId, id }: DeadLetter,
  { input, commitId }: Change,
): Promise<void> {
  await call("POST /api/v1/functions/{function_id}/dead_letters/{id}/replay", {
    path: { function_id: functionId, id },
    body: { commitId, ...input === undefined ? {} : { json: encodeBase64(input) } },
  });
}

async function actOn(action: Action, { functionId, id }: DeadLetter): Promise<void> {
  const path = { function_id: functionId, id };
  await (action === "replay"
    ? call("POST /api/v1/functions/{function_id}/dead_letters/{id}/replay", {
      path,
      body: { commitId: "" },
    })
    : call("DELETE /api/v1/functions/{function_id}/dead_letters/{id}", { path, body: {} }));
}

/** Acts on some dead letters. @returns how many succeeded, and the first error */
export async function actOnAll(
  action: Action,
  letters: readonly DeadLetter[],
): Promise<{ readonly done: number; readonly error?: unknown }> {
  const waiting = [...letters];
  const errors: unknown[] = [];
  let done = 0;
  const work = async () => {
    for (let letter = waiting.shift(); letter !== undefined; letter = waiting.shift()) {
      await actOn(action, letter).then(() => done++, (error) => errors.push(error));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return errors.length === 0 ? { done } : { done, error: errors[0] };
}
