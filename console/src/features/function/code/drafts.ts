/** What an author changed since a commit. */
import { type FileContents, isSameContent } from "../../../parts/file_content.ts";
import { own } from "../../../parts/own.ts";

export type Files = FileContents;

/** What the author changed since a commit. */
export interface Draft {
  /** The commit that the changes are made to; empty without one. */
  readonly base: string;
  /** The whole content of each added or changed file. */
  readonly changed: Files;
  readonly removed: readonly string[];
}

/** How many files a draft changes. */
export function sizeOf({ changed, removed }: Draft): number {
  return Object.keys(changed).length + removed.length;
}

/** The files of the author: those of a commit with the changes of the draft. */
export function withDraft(files: Files, draft: Draft | undefined): Files {
  if (draft === undefined) return files;
  const kept = Object.entries(files).filter(([path]) => !draft.removed.includes(path));
  return { ...Object.fromEntries(kept), ...draft.changed };
}

/** The draft that makes `mine` of the files of a commit. */
export function draftBetween(base: string, files: Files, mine: Files): Draft {
  return {
    base,
    changed: Object.fromEntries(
      Object.entries(mine).filter(([path, content]) => !isSameContent(own(files, path), content)),
    ),
    removed: Object.keys(files).filter((path) => !Object.hasOwn(mine, path)),
  };
}
