import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { encodeBase64 } from "../../api/base64.ts";
import { call } from "../../api/client.ts";
import { Button } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { Menu } from "../../parts/menu.tsx";
import { type Change, ReplayDialog } from "../../parts/replay_dialog.tsx";
import { useCommands } from "../../parts/shortcuts.tsx";
import { copy } from "../../shell/commands.ts";
import { useStillHere } from "../../shell/still_here.ts";
import { cliOf, type CopiedCall, curlOf, sdkOf } from "./copy_as.ts";
import { hasEnded } from "./list.ts";
import type { WholeInvocation } from "./queries.ts";

interface ActionsProps {
  readonly invocation: WholeInvocation;
}

const GROUP = "This invocation";

const FORMS = [
  { what: "curl", write: curlOf },
  { what: "command line", write: cliOf },
  { what: "SDK call", write: sdkOf },
] as const;

export function Actions({ invocation }: ActionsProps) {
  const [isRunning, setRunning] = useState(false);
  const { id, functionId } = invocation;
  const navigate = useNavigate();
  useCommands(useMemo(() => [
    { label: "Run again …", group: GROUP, run: () => setRunning(true) },
    {
      label: "Copy invocation id",
      group: GROUP,
      run: () => void copy(id, "Copied the invocation id"),
    },
    {
      label: "Open the function",
      group: GROUP,
      run: () => void navigate({ to: "/functions/$functionId", params: { functionId } }),
    },
  ], [id, functionId, navigate]));
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
  const copyAs = (what: string, write: (call: CopiedCall) => string) => {
    const server = location.origin;
    const text = write({ server, functionId, commitId, volumeId: vfsId, input });
    void copy(text, `Copied as ${what}`);
  };
  useCommands(useMemo(
    () =>
      FORMS.map(({ what, write }) => ({
        label: `Copy as ${what}`,
        group: GROUP,
        run: () => copyAs(what, write),
      })),
    [invocation],
  ));
  return (
    <Menu
      items={FORMS.map(({ what, write }) => ({
        label: what,
        onSelect: () => copyAs(what, write),
      }))}
    >
      Copy as
    </Menu>
  );
}

function Cancel({ invocation }: ActionsProps) {
  const [isAsking, setAsking] = useState(false);
  const queries = useQueryClient();
  const { id, functionId } = invocation;
  useCommands(useMemo(
    () => [{ label: "Cancel invocation …", group: GROUP, run: () => setAsking(true) }],
    [],
  ));
  const cancel = async () => {
    await call("POST /api/v1/functions/{function_id}/invocations/{id}/cancel", {
      path: { function_id: functionId, id },
      body: {},
    });
    await queries.invalidateQueries({ queryKey: ["invocation"] });
  };
  return (
    <>
      <Button look="danger" onClick={() => setAsking(true)}>Cancel invocation</Button>
      <ConfirmDialog
        open={isAsking}
        onClose={() => setAsking(false)}
        title="Cancel this invocation?"
        action="Cancel invocation"
        dismiss="Keep it running"
        danger
        onConfirm={cancel}
      >
        It ends with the error CANCELLED. Requests that it already sent are not undone.
      </ConfirmDialog>
    </>
  );
}

/** Calls the function again: with the same or another input, on the same or another commit. */
function RunAgain(
  { invocation, onClose }: { readonly invocation: WholeInvocation; readonly onClose: () => void },
) {
  const navigate = useNavigate();
  const whileHere = useStillHere();
  const { functionId, id, commitId } = invocation;
  const replay = async ({ input, commitId }: Change) => {
    const isHere = whileHere();
    const { invocationId } = await call(
      "POST /api/v1/functions/{function_id}/invocations/{id}/replay",
      {
        path: { function_id: functionId, id },
        body: { commitId, ...input === undefined ? {} : { json: encodeBase64(input) } },
      },
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
