import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, dataOf } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { copyText } from "../../parts/copy.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Menu } from "../../parts/menu.tsx";
import { toast, toastError } from "../../parts/toasts.tsx";
import { cliOf, type CopiedCall, curlOf, sdkOf } from "./copy_as.ts";
import { hasEnded } from "./list.ts";
import type { WholeInvocation } from "./queries.ts";
import { RunAgain } from "./run_again.tsx";

interface ActionsProps {
  readonly invocation: WholeInvocation;
}

export function Actions({ invocation }: ActionsProps) {
  const [isRunning, setRunning] = useState(false);
  return (
    <>
      {hasEnded(invocation) ? null : <Cancel invocation={invocation} />}
      <CopyMenu invocation={invocation} />
      <Button look="primary" onClick={() => setRunning(true)}>Run again</Button>
      {isRunning ? <RunAgain invocation={invocation} onClose={() => setRunning(false)} /> : null}
    </>
  );
}

function CopyMenu({ invocation }: ActionsProps) {
  const { functionId, commitId, vfsId, input = {} } = invocation;
  const copy = async (what: string, write: (call: CopiedCall) => string) => {
    const server = location.origin;
    try {
      await copyText(write({ server, functionId, commitId, volumeId: vfsId, input }));
      toast(`Copied as ${what}`);
    } catch (error) {
      toastError("Cannot copy", error);
    }
  };
  const item = (what: string, write: (call: CopiedCall) => string) => ({
    label: what,
    onSelect: () => void copy(what, write),
  });
  return (
    <Menu
      items={[item("curl", curlOf), item("command line", cliOf), item("SDK call", sdkOf)]}
    >
      Copy as
    </Menu>
  );
}

function Cancel({ invocation }: ActionsProps) {
  const [isAsking, setAsking] = useState(false);
  const queries = useQueryClient();
  const { id, functionId } = invocation;
  const cancel = async () => {
    await dataOf(
      api.POST("/api/v1/functions/{function_id}/invocations/{id}/cancel", {
        params: { path: { function_id: functionId, id } },
        body: {},
      }),
    );
    await queries.invalidateQueries({ queryKey: ["invocation"] });
  };
  return (
    <>
      <Button look="danger" onClick={() => setAsking(true)}>Cancel it</Button>
      <ConfirmDialog
        open={isAsking}
        onClose={() => setAsking(false)}
        title="Cancel this invocation?"
        action="Cancel it"
        danger
        onConfirm={cancel}
      >
        It ends as CANCELLED. What it has sent to others stays sent.
      </ConfirmDialog>
    </>
  );
}
