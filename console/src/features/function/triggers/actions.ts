/** What can be done with a trigger, and what the palette offers of it. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import { call, type Trigger } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { type Command, useCommands } from "../../../parts/shortcuts.tsx";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { copy } from "../../../shell/commands.ts";
import { secretIn, type ShownSecret } from "./secrets.tsx";
import { addressOf, hasSecret, kindOf, methodOf } from "./words.ts";

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

interface Actions {
  readonly runNow: () => void;
  readonly setPaused: (paused: boolean) => void;
  readonly edit: () => void;
  /** Opens the dialog that asks before it acts. */
  readonly ask: (what: "rotate" | "erase") => void;
}

/** Registers the commands of a trigger. */
export function useTriggerCommands(trigger: Trigger, actions: Actions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useCommands(useMemo(() => {
    const { paused } = trigger;
    const kind = kindOf(trigger);
    const isSecret = trigger.webhook !== undefined && methodOf(trigger) === "capabilityUrl";
    const offered: readonly (readonly [isOffered: boolean, label: string, run: () => void])[] = [
      [kind === "schedule", "Run the schedule now", () => latest.current.runNow()],
      [
        true,
        paused ? "Resume trigger" : "Pause trigger",
        () => latest.current.setPaused(!paused),
      ],
      [true, "Edit trigger", () => latest.current.edit()],
      [
        kind !== "schedule" && !isSecret,
        "Copy trigger URL",
        () => void copy(addressOf(trigger), "Copied the URL"),
      ],
      [hasSecret(trigger), "Rotate the secret …", () => latest.current.ask("rotate")],
      [true, "Delete trigger …", () => latest.current.ask("erase")],
    ];
    return offered.flatMap(([isOffered, label, run]): Command[] =>
      isOffered ? [{ label, group: "This trigger", run }] : []
    );
  }, [trigger]));
}
