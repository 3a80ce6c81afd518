import { useQuery } from "@tanstack/react-query";
import { FileDiff } from "../../parts/monaco/file_diff.tsx";
import { Loaded } from "../../parts/states.tsx";
import { commitQuery, contentsOf } from "./queries.ts";

const NO_FILES = {};

/** What changed from one commit to another; `from` may be empty. */
export function Difference({ functionId, from, to }: {
  readonly functionId: string;
  readonly from: string;
  readonly to: string;
}) {
  const before = useQuery({ ...commitQuery(functionId, from), enabled: from !== "" });
  const after = useQuery(commitQuery(functionId, to));
  const isReady = from === "" || before.data !== undefined;
  return (
    <Loaded query={isReady ? after : before}>
      {() => (
        <FileDiff
          original={contentsOf(before.data?.files ?? NO_FILES)}
          modified={contentsOf(after.data?.files ?? NO_FILES)}
        />
      )}
    </Loaded>
  );
}
