import type { QueryClient } from "@tanstack/react-query";
import { api, dataOf } from "../../../api/client.ts";
import { keys } from "../../../api/keys.ts";
import { toast, toastError } from "../../../parts/toasts.tsx";

/** Publishes a commit; `""` publishes none. The toast undoes it. Throws `ApiError`. */
export async function publish(
  queries: QueryClient,
  functionId: string,
  commitId: string,
  former: string,
): Promise<void> {
  await setPublished(queries, functionId, commitId);
  const undo = () =>
    void setPublished(queries, functionId, former).then(
      () => toast(former === "" ? "Not published any more" : "The former commit is published"),
      (error) => toastError("Cannot undo the publish", error),
    );
  toast("Published", { undo });
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
