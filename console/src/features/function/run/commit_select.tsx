import type { Fn } from "../../../api/types.ts";
import { CommitField } from "../../../parts/commit_field.tsx";
import { shortId } from "../../../parts/format.ts";
import { useCommitOptions } from "../commit_options.ts";

/** The draft, the head, the published commit, or what names any: an id or a tag. */
export type Target = string;

/** Chooses what runs. */
export function CommitSelect({ fn, hasDraft, value, error, onChange }: {
  readonly fn: Fn;
  readonly hasDraft: boolean;
  readonly value: Target;
  readonly error: string | undefined;
  readonly onChange: (value: Target) => void;
}) {
  const { head = "", publishedCommitId = "" } = fn;
  return (
    <CommitField
      label="Code"
      hint={value === "draft" ? "Your draft is saved as a commit first." : undefined}
      value={value}
      error={error}
      onChange={onChange}
      options={[
        ...hasDraft ? [{ value: "draft", label: "Draft" }] : [],
        ...head === "" ? [] : [{ value: "head", label: `Head ${shortId(head)}` }],
        ...publishedCommitId === ""
          ? []
          : [{ value: "published", label: `Published ${shortId(publishedCommitId)}` }],
        ...useCommitOptions(fn).filter(({ value }) => value !== publishedCommitId),
      ]}
    />
  );
}
