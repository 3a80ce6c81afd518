/** A trigger: what it does, what can be done with it, and what the palette offers of it. */
import { type QueryClient, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useRef, useState } from "react";
import { call, type Trigger } from "../../../api/client.ts";
import { keys } from "../../../api/queries.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button, CopyButton } from "../../../parts/button.tsx";
import { JsonBlock } from "../../../parts/code.tsx";
import { ConfirmDialog } from "../../../parts/dialog.tsx";
import { SecretField, SelectField } from "../../../parts/field.tsx";
import { visibleText } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { offeredIn, useCommands } from "../../../parts/shortcuts.tsx";
import { toast, toastError } from "../../../parts/toasts.tsx";
import { Name, Time } from "../../../parts/values.tsx";
import { copy } from "../../../shell/commands.ts";
import { RequestBuilder, TestDelivery } from "./requests.tsx";
import { secretIn, SecretNote, type ShownSecret } from "./secrets.tsx";
import { Deliveries, EndpointRequests, InvocationLink, NextRuns } from "./trigger_runs.tsx";
import {
  addressOf,
  canGiveSecret,
  handshakeInWords,
  hasSecret,
  inWords,
  KIND_WORDS,
  kindOf,
  methodOf,
  useCronWords,
} from "./words.ts";

interface TriggerDetailsProps {
  readonly trigger: Trigger;
  /** The secret that the server has answered since the tab is open. */
  readonly secret: ShownSecret | undefined;
  readonly onSecret: (secret: ShownSecret | undefined) => void;
  readonly onEdit: () => void;
  readonly onErased: () => void;
}

/** One trigger: what it does, what it did, and what can be done with it. */
export function TriggerDetails(props: TriggerDetailsProps) {
  const { trigger, secret } = props;
  const kind = kindOf(trigger);
  const heading = useRef<HTMLHeadingElement>(null);
  // The link or form that led here is gone with its focus.
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  return (
    <article className="function-sections" aria-label={visibleText(trigger.displayName)}>
      <header className="stack">
        <Link to="/functions/$functionId/triggers" params={{ functionId: trigger.functionId }}>
          All triggers
        </Link>
        <div className="row function-trigger-head">
          <h2 ref={heading} tabIndex={-1}>
            <Name value={trigger.displayName} />
          </h2>
          {trigger.paused && <Badge tone="warn">Paused</Badge>}
        </div>
        <Actions {...props} />
        <SecretNote secret={secret} />
        <Facts trigger={trigger} />
      </header>
      {kind === "schedule" && <NextRuns trigger={trigger} />}
      {kind === "webhook" && (
        <>
          <TestDelivery trigger={trigger} secret={secret} />
          <Deliveries trigger={trigger} />
        </>
      )}
      {kind === "http" && (
        <>
          <RequestBuilder trigger={trigger} secret={secret} />
          <EndpointRequests trigger={trigger} />
        </>
      )}
    </article>
  );
}

function Facts({ trigger }: { readonly trigger: Trigger }) {
  useCronWords();
  const { lastRun, schedule, http, webhook } = trigger;
  return (
    <Properties
      items={[
        ["Kind", KIND_WORDS[kindOf(trigger)]],
        ["What it does", visibleText(inWords(trigger))],
        schedule?.cronSpec === undefined
          ? undefined
          : ["Cron expression", <code key="cron">{schedule.cronSpec}</code>],
        schedule === undefined ? ["URL", <Address key="address" trigger={trigger} />] : undefined,
        webhook?.handshake === undefined
          ? undefined
          : ["Response to GET and HEAD", handshakeInWords(webhook.handshake)],
        http?.host === undefined ? undefined : ["Custom host", visibleText(http.host)],
        schedule === undefined
          ? undefined
          : ["Input", <JsonBlock key="input" label="Input" value={schedule.input} />],
        lastRun === undefined ? undefined : [
          "Last run",
          <span key="last" className="row">
            <Time value={lastRun.time} />
            <InvocationLink id={lastRun.invocationId} />
            <span>{visibleText(lastRun.reason ?? "")}</span>
          </span>,
        ],
        ["Changed", <Time key="changed" value={trigger.updatedAt} />],
      ]}
    />
  );
}

function Address({ trigger }: { readonly trigger: Trigger }) {
  const address = addressOf(trigger);
  const isPart = trigger.webhook !== undefined && methodOf(trigger) === "capabilityUrl";
  return (
    <span className="row">
      <code>{address}{isPart ? "/t/…" : ""}</code>
      {isPart
        ? <span className="muted">Rotate the secret to see the full URL</span>
        : <CopyButton text={address} label="Copy the URL" />}
    </span>
  );
}

function Actions({ trigger, onSecret, onEdit, onErased }: TriggerDetailsProps) {
  const actions = useTriggerActions(trigger);
  const [asked, setAsked] = useState<"rotate" | "erase">();
  const [run, setRun] = useState<{ busy: boolean; id?: string }>({ busy: false });
  const runNow = async () => {
    setRun({ busy: true });
    try {
      setRun({ busy: false, id: await actions.runNow() });
      toast("Started");
    } catch (error) {
      setRun({ busy: false });
      toastError("Could not run the schedule", error);
    }
  };
  useTriggerCommands(trigger, {
    runNow: () => void runNow(),
    setPaused: (paused) => void actions.setPaused(paused),
    edit: onEdit,
    ask: setAsked,
  });
  return (
    <div className="row">
      {trigger.schedule === undefined
        ? null
        : <Button busy={run.busy} onClick={() => void runNow()}>Run now</Button>}
      <InvocationLink id={run.id} />
      <Button onClick={() => void actions.setPaused(!trigger.paused)}>
        {trigger.paused ? "Resume" : "Pause"}
      </Button>
      <Button onClick={onEdit}>Edit</Button>
      {hasSecret(trigger) && <Button onClick={() => setAsked("rotate")}>Rotate the secret</Button>}
      <Button look="danger" onClick={() => setAsked("erase")}>Delete</Button>
      <RotateDialog
        open={asked === "rotate"}
        canGive={canGiveSecret(trigger)}
        onClose={() => setAsked(undefined)}
        onConfirm={async (given, grace) => onSecret(await actions.rotate(given, grace))}
      />
      <EraseDialog
        trigger={trigger}
        open={asked === "erase"}
        onClose={() => setAsked(undefined)}
        erase={actions.erase}
        onErased={onErased}
      />
    </div>
  );
}

function EraseDialog({ trigger, open, onClose, erase, onErased }: {
  readonly trigger: Trigger;
  readonly open: boolean;
  readonly onClose: () => void;
  readonly erase: TriggerActions["erase"];
  readonly onErased: () => void;
}) {
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      title="Delete the trigger?"
      action="Delete"
      danger
      onConfirm={async () => {
        await erase();
        toast(`Deleted ${visibleText(trigger.displayName)}`);
        onErased();
      }}
    >
      <Name value={trigger.displayName} />{" "}
      will start no more invocations. Earlier invocations are kept.
    </ConfirmDialog>
  );
}

const GRACE = [
  { value: "86400s", label: "For a day" },
  { value: "3600s", label: "For an hour" },
  { value: "0s", label: "Not at all" },
];

function RotateDialog({ open, canGive, onClose, onConfirm }: {
  readonly open: boolean;
  readonly canGive: boolean;
  readonly onClose: () => void;
  readonly onConfirm: (given: string, expireOldAfter: string) => Promise<void>;
}) {
  const [grace, setGrace] = useState("86400s");
  const [given, setGiven] = useState("");
  const close = () => {
    setGiven("");
    onClose();
  };
  return (
    <ConfirmDialog
      open={open}
      onClose={close}
      title="Rotate the secret?"
      action="Rotate"
      unsaved={given !== ""}
      onConfirm={() => onConfirm(given.trim(), grace)}
    >
      <div className="stack">
        {canGive
          ? (
            <SecretField
              label="New secret"
              hint="If empty: the server creates one and shows it once"
              value={given}
              onChange={setGiven}
            />
          )
          : <p>The server creates a new secret and shows it once.</p>}
        <SelectField
          label="Accept the old secret"
          value={grace}
          options={GRACE}
          onChange={setGrace}
        />
      </div>
    </ConfirmDialog>
  );
}

interface TriggerActions {
  /** The toast of a pause resumes it, and the other way round. */
  readonly setPaused: (paused: boolean) => Promise<void>;
  /** Answers the invocation. */
  readonly runNow: () => Promise<string>;
  /** Takes a new secret, or makes one if it is empty. The old one is accepted for a duration of the API. Throws `ApiError`. */
  readonly rotate: (given: string, expireOldAfter: string) => Promise<ShownSecret | undefined>;
  /** Throws `ApiError`. */
  readonly erase: () => Promise<void>;
}

function useTriggerActions({ functionId, id }: Trigger): TriggerActions {
  const queries = useQueryClient();
  const path = { function_id: functionId, id };
  const setPaused = async (paused: boolean) => {
    try {
      await call("PATCH /api/v1/functions/{function_id}/triggers/{id}", {
        path,
        body: { trigger: { paused }, updateMask: "paused" },
      });
      await refresh(queries, functionId);
      toast(paused ? "Paused" : "Resumed", { undo: () => void setPaused(!paused) });
    } catch (error) {
      toastError(paused ? "Could not pause the trigger" : "Could not resume the trigger", error);
    }
  };
  return {
    setPaused,
    runNow: async () => {
      const { invocationId } = await call(
        "POST /api/v1/functions/{function_id}/triggers/{id}/run",
        { path, body: {} },
      );
      await queries.invalidateQueries({ queryKey: ["invocation"] });
      return invocationId;
    },
    rotate: async (given, expireOldAfter) => {
      const answer = await call(
        "POST /api/v1/functions/{function_id}/triggers/{id}/rotate_secret",
        { path, body: { expireOldAfter, ...given === "" ? {} : { secret: given } } },
      );
      await refresh(queries, functionId);
      return secretIn(answer, given);
    },
    erase: async () => {
      await call("DELETE /api/v1/functions/{function_id}/triggers/{id}", { path, body: {} });
      await refresh(queries, functionId);
    },
  };
}

async function refresh(queries: QueryClient, functionId: string): Promise<void> {
  await queries.invalidateQueries({ queryKey: keys.triggers(functionId) });
  await queries.invalidateQueries({ queryKey: keys.function(functionId) });
}

interface Commands {
  readonly runNow: () => void;
  readonly setPaused: (paused: boolean) => void;
  readonly edit: () => void;
  /** Opens the dialog that asks before it acts. */
  readonly ask: (what: "rotate" | "erase") => void;
}

/** Registers the commands of a trigger. */
function useTriggerCommands(trigger: Trigger, actions: Commands): void {
  const latest = useRef(actions);
  latest.current = actions;
  useCommands(useMemo(() => {
    const { paused } = trigger;
    const kind = kindOf(trigger);
    const isSecret = trigger.webhook !== undefined && methodOf(trigger) === "capabilityUrl";
    return offeredIn("This trigger", [
      [kind === "schedule", "Run the schedule now", () => latest.current.runNow()],
      [
        true,
        paused ? "Resume trigger" : "Pause trigger",
        () => latest.current.setPaused(!paused),
      ],
      [true, "Edit trigger", () => latest.current.edit()],
      [
        kind !== "schedule" && !isSecret,
        "Copy trigger URL",
        () => void copy(addressOf(trigger), "Copied the URL"),
      ],
      [hasSecret(trigger), "Rotate the secret …", () => latest.current.ask("rotate")],
      [true, "Delete trigger …", () => latest.current.ask("erase")],
    ]);
  }, [trigger]));
}
