import { useInfiniteQuery } from "@tanstack/react-query";
import type { Commit, Fn } from "../../../api/types.ts";
import { SelectField } from "../../../parts/field.tsx";
import { shortId } from "../../../parts/format.ts";
import { visibleText } from "../../../parts/values.tsx";
import { commitsQuery } from "../queries.ts";

/** The draft, the head, the published commit, or the id of any. */
export type Target = string;

/** Chooses what runs. */
export function CommitSelect({ fn, hasDraft, value, onChange }: {
  readonly fn: Fn;
  readonly hasDraft: boolean;
  readonly value: Target;
  readonly onChange: (value: Target) => void;
}) {
  const { data } = useInfiniteQuery(commitsQuery(fn.id));
  const commits = data?.pages.flatMap(({ list }) => list) ?? [];
  const { head = "", publishedCommitId = "" } = fn;
  return (
    <SelectField
      label="Code"
      hint={value === "draft" ? "The draft is saved as a commit first." : undefined}
      value={value}
      onChange={onChange}
      options={[
        ...hasDraft ? [{ value: "draft", label: "Draft" }] : [],
        ...head === "" ? [] : [{ value: "head", label: `Head ${shortId(head)}` }],
        ...publishedCommitId === ""
          ? []
          : [{ value: "published", label: `Published ${shortId(publishedCommitId)}` }],
        ...commits.map(optionOf),
      ]}
    />
  );
}

function optionOf({ id, message = "" }: Commit) {
  return { value: id, label: `${shortId(id)} ${visibleText(message).slice(0, 60)}` };
}
