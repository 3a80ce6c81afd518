/** What can be done with an invocation; also its text for a shell or a program. */
import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { call, encodeBase64 } from "../../api/client.ts";
import { type Change, ReplayDialog } from "../../parts/attempts.tsx";
import { Button, Menu } from "../../parts/button.tsx";
import { ConfirmDialog } from "../../parts/dialog.tsx";
import { INVISIBLE } from "../../parts/format.ts";
import { useCommands } from "../../parts/shortcuts.tsx";
import { copy } from "../../shell/commands.ts";
import { useStillHere } from "../../shell/list_position.tsx";
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
      {isRunning && <RunAgain invocation={invocation} onClose={() => setRunning(false)} />}
    </>
  );
}

function CopyMenu({ invocation }: ActionsProps) {
  const { functionId, commitId, vfsId, input = {} } = invocation;
  const copyAs = (what: string, write: (copied: CopiedInvocation) => string) => {
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

interface CopiedInvocation {
  /** Origin of the server. */
  readonly server: string;
  readonly functionId: string;
  readonly commitId: string;
  readonly volumeId?: string | undefined;
  readonly input: Readonly<Record<string, unknown>>;
}

/** JSON in one line, in which every character is an escape that a terminal or an editor acts upon or hides. */
function jsonText(value: unknown): string {
  return JSON.stringify(value).replace(
    INVISIBLE,
    (character) =>
      character.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
        .join(""),
  );
}

/** A word that a POSIX shell reads as exactly this text. */
function quoteForShell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A command of a POSIX shell. It passes the input by a pipe: an argument has a limit of 128 KiB. */
function curlOf({ server, functionId, commitId, volumeId, input }: CopiedInvocation): string {
  const volume = volumeId === undefined ? "" : `,"vfsId":"${volumeId}"`;
  const body = `{"commitId":"${commitId}"${volume},"json":"%s"}`;
  const url = `${server}/api/v1/functions/${encodeURIComponent(functionId)}/invoke`;
  return [
    `printf ${quoteForShell(body)} "$(printf %s ${quoteForShell(jsonText(input))} |`,
    `  base64 | tr -d '\\n')" |`,
    `  curl -sS ${quoteForShell(url)} \\`,
    `    -H "Authorization: Bearer $INVOKED_ACCESS_TOKEN" \\`,
    `    -H 'Content-Type: application/json' --data-binary @-`,
  ].join("\n");
}

/** A command of the command line, which reads the input from a pipe. */
function cliOf({ functionId, commitId, volumeId, input }: CopiedInvocation): string {
  const volume = volumeId === undefined ? "" : ` --volume ${quoteForShell(volumeId)}`;
  return `printf %s ${quoteForShell(jsonText(input))} |\n` +
    `  invoked invoke ${functionId} --commit ${commitId}${volume} --input -`;
}

/** The code of a function that repeats an invocation through the SDK. */
function sdkOf({ functionId, commitId, volumeId, input }: CopiedInvocation): string {
  return [
    `const input = ${literalOf(input)};`,
    `const json = new TextEncoder().encode(JSON.stringify(input)).toBase64();`,
    `const { functionsServiceInvokeResponse: answer } = await sdk.functions.invoke({`,
    `  functionId: ${JSON.stringify(functionId)},`,
    `  functionsServiceInvokeRequest: {`,
    `    commitId: ${JSON.stringify(commitId)},`,
    ...volumeId === undefined ? [] : [`    vfsId: ${JSON.stringify(volumeId)},`],
    `    json,`,
    `  },`,
    `});`,
  ].join("\n");
}

/** JSON is an expression of TypeScript, but for a key that would set a prototype. */
function literalOf(input: unknown): string {
  const text = jsonText(input);
  return text.includes("__proto__") ? `JSON.parse(${jsonText(text)})` : text;
}
