import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, dataOf } from "../../api/client.ts";
import { paging } from "../../api/paging.ts";
import { keys } from "../../api/keys.ts";
import type { DeadLetter } from "../../api/types.ts";

const PAGE_SIZE = 100;
/** In place of the id of a function. */
const ALL_FUNCTIONS = "-";
/** Requests of one action on many dead letters at the same time. */
const CONCURRENCY = 4;

interface Page {
  readonly list: readonly DeadLetter[];
  readonly nextPageToken: string;
}

/** The dead letters of a function, or of all, newest first. */
export function deadLettersQuery(functionId: string = ALL_FUNCTIONS) {
  return infiniteQueryOptions({
    queryKey: keys.deadLetters(functionId),
    queryFn: async ({ pageParam, signal }): Promise<Page> =>
      await dataOf(
        api.GET("/api/v1/functions/{function_id}/dead_letters", {
          params: {
            path: { function_id: functionId },
            query: { page_size: PAGE_SIZE, page_token: pageParam },
          },
          signal,
        }),
      ),
    ...paging,
  });
}

export type Action = "replay" | "drop";

async function actOn(action: Action, { functionId, id }: DeadLetter): Promise<void> {
  const request = { params: { path: { function_id: functionId, id } }, body: {} };
  await dataOf<unknown>(
    action === "replay"
      ? api.POST("/api/v1/functions/{function_id}/dead_letters/{id}/replay", request)
      : api.DELETE("/api/v1/functions/{function_id}/dead_letters/{id}", request),
  );
}

/** Acts on some dead letters. @returns how many, and the first error of those that failed */
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
