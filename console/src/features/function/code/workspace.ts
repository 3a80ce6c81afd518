import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import type { Fn } from "../../../api/types.ts";
import { textOf } from "../content.ts";
import { type CommitContent, commitQuery, typesQuery } from "../queries.ts";
import {
  type Draft,
  draftBetween,
  draftOf,
  type Files,
  setDraft,
  useDraft,
  withDraft,
} from "./drafts.ts";

/** What the author works on: the files of a commit, and the draft on top of them. */
export interface Workspace {
  readonly functionId: string;
  /** The commit that the files come from; empty without one. */
  readonly base: string;
  readonly commit: CommitContent | undefined;
  /** The text files of the commit. */
  readonly saved: Files;
  /** Paths of files that are not text. They stay as they are. */
  readonly binary: readonly string[];
  readonly draft: Draft | undefined;
  /** Declarations of the commit's packages and of the SDK, once they are loaded. */
  readonly types: Files;
  /** The text files with the draft. */
  readonly files: Files;
  /** The head, if it moved since the draft began. */
  readonly movedTo: string | undefined;
}

const NO_FILES: Files = {};

/** The workspace of a function; undefined until its commit is loaded. */
export function useWorkspace(fn: Fn): {
  readonly workspace: Workspace | undefined;
  readonly error: unknown;
  refetch(): void;
} {
  const draft = useDraft(fn.id);
  const head = fn.head ?? "";
  const base = draft?.base ?? head;
  const query = useQuery({ ...commitQuery(fn.id, base), enabled: base !== "" });
  const { data: types = NO_FILES } = useQuery(typesQuery(fn.id, base));
  const commit = query.data;
  const { saved, binary } = useMemo(() => split(commit?.files ?? {}), [commit?.files]);
  const files = useMemo(() => withDraft(saved, draft), [saved, draft]);
  const isReady = base === "" || commit !== undefined;
  return {
    workspace: isReady
      ? {
        functionId: fn.id,
        base,
        commit,
        saved,
        binary,
        draft,
        types,
        files,
        movedTo: base === head ? undefined : head,
      }
      : undefined,
    error: query.error,
    refetch: () => void query.refetch(),
  };
}

/** The text files of a commit, and the paths of the others. */
export function split(
  files: CommitContent["files"],
): { readonly saved: Files; readonly binary: readonly string[] } {
  const texts = Object.entries(files).map(([path, content]) => [path, textOf(content)] as const);
  return {
    saved: Object.fromEntries(
      texts.filter((file): file is readonly [string, string] => file[1] !== undefined),
    ),
    binary: texts.filter(([, text]) => text === undefined).map(([path]) => path),
  };
}

/** The text files of the author at this moment: more than one may change between two renders. */
export function currentFiles({ functionId, saved }: Workspace): Files {
  return withDraft(saved, draftOf(functionId));
}

/** Changes the files of the author. */
export function edit(workspace: Workspace, change: (files: Files) => Files): void {
  const { functionId, base, saved } = workspace;
  setDraft(functionId, draftBetween(base, saved, change(currentFiles(workspace))));
}
