import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type RefObject, useCallback, useMemo, useRef } from "react";
import type { Problem } from "../../../parts/monaco/models.ts";
import { buildProblems } from "./problems.ts";
import { DraftsDiffer, HeadMoved, save } from "./save.ts";
import type { Workspace } from "./workspace.ts";

export interface Saving {
  /** Saves the draft as a commit; without a draft it does nothing. Answers whether it made a commit. */
  readonly save: () => Promise<boolean>;
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
): Saving & { readonly message: RefObject<string> } {
  const queries = useQueryClient();
  const latest = useRef(workspace);
  latest.current = workspace;
  const message = useRef("");
  const { mutateAsync, isPending, data, error } = useMutation({
    mutationFn: async () => {
      await format.current();
      if (latest.current.draft === undefined) return undefined;
      return await save(queries, latest.current, message.current);
    },
  });
  const isRunning = useRef(false);
  const start = useCallback(async () => {
    if (isRunning.current) return false;
    isRunning.current = true;
    const saved = await mutateAsync().catch(() => undefined);
    isRunning.current = false;
    return saved !== undefined;
  }, [mutateAsync]);
  const problems = useMemo(() => buildProblems(error), [error]);
  return {
    save: start,
    isSaving: isPending,
    savedId: data,
    problems,
    error: problems.length > 0 || error === null || isDecision(error) ? undefined : error,
    message,
  };
}

/** A note of the page asks for the decision. */
function isDecision(error: unknown): boolean {
  return error instanceof HeadMoved || error instanceof DraftsDiffer;
}
