import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import type { Trigger } from "../../../api/client.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button, CopyButton, Menu } from "../../../parts/button.tsx";
import { visibleText } from "../../../parts/format.ts";
import { Empty, Loaded } from "../../../parts/states.tsx";
import { type Column, DataTable } from "../../../parts/table.tsx";
import { Name, Time, timeColumn } from "../../../parts/values.tsx";
import { TriggerForm } from "../lazy.tsx";
import { useFunction } from "../queries.ts";
import { triggersQuery } from "./queries.ts";
import type { ShownSecret } from "./secrets.tsx";
import { TriggerDetails } from "./trigger_details.tsx";
import {
  addressOf,
  inWords,
  type Kind,
  KIND_WORDS,
  kindOf,
  methodOf,
  useCronWords,
} from "./words.ts";

const FROM = "/shell/functions/$functionId/triggers";
const KINDS = ["schedule", "webhook", "http"] as const;

/** The triggers of the function, or one of them. */
export function TriggersTab() {
  const fn = useFunction();
  const search = useSearch({ from: FROM });
  const navigate = useNavigate();
  const query = useQuery(triggersQuery(fn.id));
  /** Of the triggers that were made or rotated since the tab is open. */
  const [secrets, setSecrets] = useState<Readonly<Record<string, ShownSecret | undefined>>>({});
  const [isEditing, setEditing] = useState(false);
  const show = (to: { readonly trigger?: string; readonly new?: Kind }) =>
    void navigate({
      // The form of a new trigger is no page to come back to.
      replace: search.new !== undefined,
      to: "/functions/$functionId/triggers",
      params: { functionId: fn.id },
      search: to,
    });
  const keep = (id: string, secret: ShownSecret | undefined) => {
    if (secret !== undefined) setSecrets((before) => ({ ...before, [id]: secret }));
  };
  const saved = (trigger: Trigger, secret: ShownSecret | undefined) => {
    keep(trigger.id, secret);
    setEditing(false);
    show({ trigger: trigger.id });
  };
  return (
    <Loaded query={query}>
      {(triggers) => {
        const chosen = triggers.find(({ id }) => id === search.trigger);
        return (
          <>
            {search.trigger === undefined
              ? <TriggerList triggers={triggers} onNew={(kind) => show({ new: kind })} />
              : chosen === undefined
              ? <Gone functionId={fn.id} />
              : (
                <TriggerDetails
                  key={chosen.id}
                  trigger={chosen}
                  secret={secrets[chosen.id]}
                  onSecret={(secret) => keep(chosen.id, secret)}
                  onEdit={() => setEditing(true)}
                  onErased={() => show({})}
                />
              )}
            {search.new === undefined ? null : (
              <TriggerForm
                functionId={fn.id}
                kind={search.new}
                onClose={() => show({})}
                onSaved={saved}
              />
            )}
            {chosen === undefined || !isEditing ? null : (
              <TriggerForm
                functionId={fn.id}
                kind={kindOf(chosen)}
                trigger={chosen}
                onClose={() => setEditing(false)}
                onSaved={saved}
              />
            )}
          </>
        );
      }}
    </Loaded>
  );
}

function Gone({ functionId }: { readonly functionId: string }) {
  return (
    <Empty
      title="The trigger does not exist"
      action={
        <Link to="/functions/$functionId/triggers" params={{ functionId }}>All triggers</Link>
      }
    >
      It may have been deleted.
    </Empty>
  );
}

const COLUMNS: readonly Column<Trigger>[] = [
  {
    header: "Name",
    width: "26%",
    sortBy: ({ displayName }) => displayName,
    cell: ({ id, functionId, displayName }) => (
      <Link
        to="/functions/$functionId/triggers"
        params={{ functionId }}
        search={{ trigger: id }}
      >
        <Name value={displayName} />
      </Link>
    ),
  },
  { header: "Kind", width: "86px", sortBy: kindOf, cell: (trigger) => KIND_WORDS[kindOf(trigger)] },
  { header: "What it does", minor: true, cell: (row) => <What trigger={row} /> },
  {
    header: "State",
    width: "80px",
    cell: ({ paused }) => paused ? <Badge tone="warn">Paused</Badge> : "Active",
  },
  timeColumn("Next run", 110, ({ nextRuns }) => nextRuns[0]),
  {
    header: "Last run",
    width: "150px",
    minor: true,
    cell: ({ lastRun }) => <LastRun lastRun={lastRun} />,
  },
];

function What({ trigger }: { readonly trigger: Trigger }) {
  useCronWords();
  const canCopy = trigger.schedule === undefined &&
    (trigger.webhook === undefined || methodOf(trigger) !== "capabilityUrl");
  return (
    <>
      {canCopy && (
        <CopyButton
          text={addressOf(trigger)}
          label={`Copy the URL of ${trigger.displayName}`}
        />
      )}
      <Name value={inWords(trigger)} />
    </>
  );
}

function LastRun({ lastRun }: { readonly lastRun: Trigger["lastRun"] }) {
  if (lastRun === undefined) return <span className="muted">–</span>;
  return (
    <span title={visibleText(lastRun.reason ?? "")}>
      <Time value={lastRun.time} /> {lastRun.reason === undefined ? null : <Badge>Skipped</Badge>}
    </span>
  );
}

function TriggerList({ triggers, onNew }: {
  readonly triggers: readonly Trigger[];
  readonly onNew: (kind: Kind) => void;
}) {
  const items = KINDS.map((kind) => ({ label: KIND_WORDS[kind], onSelect: () => onNew(kind) }));
  return (
    <div className="stack">
      <div className="actions">
        <Menu items={items}>New trigger</Menu>
      </div>
      <DataTable
        label="Triggers"
        columns={COLUMNS}
        rows={triggers}
        rowId={({ id }) => id}
        empty={
          <Empty
            title="No triggers"
            action={
              <span className="row">
                {KINDS.map((kind) => (
                  <Button key={kind} onClick={() => onNew(kind)}>
                    New {KIND_WORDS[kind].toLowerCase()}
                  </Button>
                ))}
              </span>
            }
          >
            A schedule runs the function at set times, a webhook when another service sends an
            event, and an endpoint answers HTTP requests with it.
          </Empty>
        }
      />
    </div>
  );
}
