/** What can be done with a trigger. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { call } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import type { Trigger } from "../../../api/types.ts";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { secretIn, type ShownSecret } from "./secret_note.tsx";

export interface TriggerActions {
  /** The toast of a pause resumes it, and the other way round. */
  readonly setPaused: (paused: boolean) => Promise<void>;
  /** Answers the invocation. */
  readonly runNow: () => Promise<string>;
  /** Takes a new secret, or makes one if it is empty. The old one is accepted for a duration of the API. Throws `ApiError`. */
  readonly rotate: (given: string, expireOldAfter: string) => Promise<ShownSecret | undefined>;
  /** Throws `ApiError`. */
  readonly erase: () => Promise<void>;
}

export function useTriggerActions({ functionId, id }: Trigger): TriggerActions {
  const queries = useQueryClient();
  const path = { function_id: functionId, id };
  const setPaused = async (paused: boolean) => {
    try {
      await call("PATCH /api/v1/functions/{function_id}/triggers/{id}", {
        path,
        body: { trigger: { paused }, updateMask: "paused" },
      });
      await refresh(queries, functionId);
      toast(paused ? "Paused" : "Resumed", { undo: () => void setPaused(!paused) });
    } catch (error) {
      toastError(paused ? "Could not pause the trigger" : "Could not resume the trigger", error);
    }
  };
  return {
    setPaused,
    runNow: async () => {
      const { invocationId } = await call(
        "POST /api/v1/functions/{function_id}/triggers/{id}/run",
        { path, body: {} },
      );
      await queries.invalidateQueries({ queryKey: ["invocation"] });
      return invocationId;
    },
    rotate: async (given, expireOldAfter) => {
      const answer = await call(
        "POST /api/v1/functions/{function_id}/triggers/{id}/rotate_secret",
        { path, body: { expireOldAfter, ...given === "" ? {} : { secret: given } } },
      );
      await refresh(queries, functionId);
      return secretIn(answer, given);
    },
    erase: async () => {
      await call("DELETE /api/v1/functions/{function_id}/triggers/{id}", { path, body: {} });
      await refresh(queries, functionId);
    },
  };
}

async function refresh(queries: QueryClient, functionId: string): Promise<void> {
  await queries.invalidateQueries({ queryKey: keys.triggers(functionId) });
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
}
