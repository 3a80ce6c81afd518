import { useNavigate } from "@tanstack/react-router";
import { encodeBase64 } from "../../api/base64.ts";
import { api, dataOf } from "../../api/client.ts";
import { type Change, ReplayDialog } from "../../parts/replay_dialog.tsx";
import { useStillHere } from "../../shell/still_here.ts";
import type { WholeInvocation } from "./queries.ts";

/** Calls the function again: with the same or another input, on the same or another commit. */
export function RunAgain(
  { invocation, onClose }: { readonly invocation: WholeInvocation; readonly onClose: () => void },
) {
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const { functionId, id, commitId } = invocation;
  const replay = async ({ input, commitId }: Change) => {
    const isHere = whileHere();
    const { invocationId } = await dataOf(
      api.POST("/api/v1/functions/{function_id}/invocations/{id}/replay", {
        params: { path: { function_id: functionId, id } },
        body: { commitId, ...input === undefined ? {} : { json: encodeBase64(input) } },
      }),
    );
    onClose();
    if (isHere()) {
      await navigate({ to: "/invocations/$invocationId", params: { invocationId } });
    }
  };
  return (
    <ReplayDialog
      title="Run again"
      action="Run"
      input={invocation.input}
      commitId={commitId}
      onClose={onClose}
      onReplay={replay}
    />
  );
}
