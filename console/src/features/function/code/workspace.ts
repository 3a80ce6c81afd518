import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";
import type { Fn } from "../../../api/client.ts";
import type { Problem } from "../../../parts/monaco/models.ts";
import { type CommitContent, commitQuery, contentsOf, typesQuery } from "../queries.ts";
import {
  type Draft,
  draftBetween,
  draftOf,
  type Files,
  headOf,
  setDraft,
  useDraftState,
  withDraft,
} from "./drafts.ts";
import { usePackageTypes } from "./package_types.ts";

/** What the author works on: the files of a commit, and the draft on top of them. */
export interface Workspace {
  readonly functionId: string;
  /** The commit that the files come from; empty without one. */
  readonly base: string;
  readonly commit: CommitContent | undefined;
  /** The files of the commit. */
  readonly saved: Files;
  readonly draft: Draft | undefined;
  /** Declarations of the SDK and of the packages that the files name, once they are loaded. */
  readonly types: Readonly<Record<string, string>>;
  /** Packages that the draft names and that do not resolve. */
  readonly packageErrors: readonly Problem[];
  /** The files with the draft. */
  readonly files: Files;
  /** The head, if it moved since the draft began. */
  readonly movedTo: string | undefined;
  /** What another tab made of the draft at the same time; without a draft if it saved or discarded it. */
  readonly rival: { readonly draft?: Draft | undefined } | undefined;
  /** Whether the last change came from another tab. */
  readonly isOthers: boolean;
  /** Whether the browser could not keep the draft. */
  readonly isUnkept: boolean;
}

const NO_TYPES: Workspace["types"] = {};

/** The workspace of a function; undefined until its first commit is loaded. */
export function useWorkspace(fn: Fn): {
  readonly workspace: Workspace | undefined;
  readonly error: unknown;
  refetch(): void;
} {
  const { draft, rival, isOthers = false, isUnkept = false } = useDraftState(fn.id);
  const head = headOf(fn.id, fn.head ?? "");
  const base = draft?.base ?? head;
  const query = useQuery({ ...commitQuery(fn.id, base), enabled: base !== "" });
  const { data: ofCommit = NO_TYPES } = useQuery(typesQuery(fn.id, base));
  const commit = query.data;
  const saved = useMemo(() => contentsOf(commit?.files ?? {}), [commit?.files]);
  const files = useMemo(() => withDraft(saved, draft), [saved, draft]);
  const { types, faults } = usePackageTypes(saved, files, ofCommit);
  const isReady = base === "" || commit !== undefined;
  const ready: Workspace | undefined = isReady
    ? {
      functionId: fn.id,
      base,
      commit,
      saved,
      draft,
      types,
      packageErrors: faults,
      files,
      movedTo: base === head ? undefined : head,
      rival,
      isOthers,
      isUnkept,
    }
    : undefined;
  // The editor stays while the commit of another tab loads.
  const last = useRef(ready);
  if (ready !== undefined || query.error !== null) last.current = ready;
  return {
    workspace: last.current?.functionId === fn.id ? last.current : undefined,
    error: query.error,
    refetch: () => void query.refetch(),
  };
}

/** The files of the author at this moment: more than one may change between two renders. */
export function currentFiles({ functionId, saved }: Workspace): Files {
  return withDraft(saved, draftOf(functionId));
}

/** Changes the files of the author. */
export function edit(workspace: Workspace, change: (files: Files) => Files): void {
  const { functionId, base, saved } = workspace;
  setDraft(functionId, draftBetween(base, saved, change(currentFiles(workspace))));
}
