import type { QueryClient } from "@tanstack/react-query";
import { api, dataOf } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import { toast, toastError } from "../../../parts/toasts.tsx";

/** A commit to publish. */
interface Publish {
  readonly functionId: string;
  /** `""` publishes none. */
  readonly commitId: string;
  /** The commit that is published now; `""` for none. */
  readonly former: string;
  /** Whether it goes back to an earlier publish, so that the next roll-back goes further back. */
  readonly isRollBack?: boolean;
}

/** Publishes a commit. The toast undoes it. Throws `ApiError`. */
export async function publish(
  queries: QueryClient,
  { functionId, commitId, former, isRollBack = false }: Publish,
): Promise<void> {
  if (isRollBack) await rollBack(queries, functionId, commitId, former);
  else await setPublished(queries, functionId, commitId);
  const undo = () =>
    void setPublished(queries, functionId, former).then(
      () => toast(former === "" ? "Unpublished" : "Published the previous commit"),
      (error) => toastError("Could not undo the publish", error),
    );
  toast("Published", { undo });
}

/** Goes back to a commit, unless another than the former one is published meanwhile. */
async function rollBack(
  queries: QueryClient,
  functionId: string,
  commitId: string,
  former: string,
): Promise<void> {
  await dataOf(api.POST("/api/v1/functions/{function_id}/rollback", {
    params: { path: { function_id: functionId }, header: { "If-Match": `"${former}"` } },
    body: { commitId },
  }));
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
}

async function setPublished(
  queries: QueryClient,
  functionId: string,
  commitId: string,
): Promise<void> {
  await dataOf(api.POST("/api/v1/functions/update", {
    body: {
      function: { id: functionId, publishedCommitId: commitId },
      updateMask: "publishedCommitId",
      commitMessage: "",
    },
  }));
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
}
