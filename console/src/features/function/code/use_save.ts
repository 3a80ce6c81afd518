import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useMemo, useRef } from "react";
import { useStored } from "../../../browser/stored.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { buildProblems } from "./problems.ts";
import { DraftsDiffer, HeadMoved, save } from "./save.ts";
import type { Workspace } from "./workspace.ts";

export interface Saving {
  /** Saves the draft as a commit; without a draft it does nothing. */
  readonly save: () => Promise<void>;
  /** The message of the next commit, which this browser keeps. */
  readonly message: string;
  readonly setMessage: (message: string) => void;
  readonly isSaving: boolean;
  /** The commit of the last save. */
  readonly savedId: string | undefined;
  /** Where the build failed. */
  readonly problems: readonly Problem[];
  /** Why the last save failed, unless problems say it. */
  readonly error: unknown;
}

export function useSave(
  workspace: Workspace,
  format: RefObject<() => Promise<void>>,
): Saving {
  const queries = useQueryClient();
  const [message, setMessage] = useStored(`message.${workspace.functionId}`, "");
  const latest = useRef({ workspace, message });
  latest.current = { workspace, message };
  const { mutateAsync, isPending, data, error } = useMutation({
    mutationFn: async () => {
      await format.current();
      const { workspace, message } = latest.current;
      if (workspace.draft === undefined) return undefined;
      const savedId = await save(queries, workspace, message);
      setMessage("");
      return savedId;
    },
  });
  const isRunning = useRef(false);
  const start = useCallback(async () => {
    if (isRunning.current) return;
    isRunning.current = true;
    await mutateAsync().catch(() => {});
    isRunning.current = false;
  }, [mutateAsync]);
  const problems = useMemo(() => buildProblems(error), [error]);
  return {
    save: start,
    isSaving: isPending,
    savedId: data,
    problems,
    error: problems.length > 0 || error === null || isDecision(error) ? undefined : error,
    message,
    setMessage,
  };
}

/** A note of the page asks for the decision. */
function isDecision(error: unknown): boolean {
  return error instanceof HeadMoved || error instanceof DraftsDiffer;
}
