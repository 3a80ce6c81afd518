import { useInfiniteQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { Badge } from "../../parts/badge.tsx";
import { Button } from "../../parts/button.tsx";
import { fieldsOf, SelectField } from "../../parts/field.tsx";
import { enumWords, formatCount, visibleText } from "../../parts/format.ts";
import { changed, type ChangeSearch, type SearchChange } from "../../parts/search_change.ts";
import { useCommands } from "../../parts/shortcuts.tsx";
import { Empty, ErrorNote, Loading, NoMatch } from "../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../parts/table.tsx";
import { TimeFields } from "../../parts/time_fields.tsx";
import { timeLabel } from "../../parts/time_range.ts";
import { TypedField } from "../../parts/typed_field.tsx";
import { Name, timeColumn } from "../../parts/values.tsx";
import { isDenied, remainingError, violationOf } from "../../parts/violations.ts";
import { PartPage } from "../../shell/part_page.tsx";
import { useMay } from "../../shell/rights.ts";
import { DownloadDialog, EventDialog, VerifyDialog } from "./dialogs.tsx";
import { type EventSummary, summaryOf, wordsOf } from "./events.ts";
import { type AuditFilter, isOutcome, OUTCOMES } from "./filter.ts";
import { eventsQuery } from "./queries.ts";

const SHOWN_VIOLATIONS = ["since", "until", "actor", "operation", "resource"];
const NO_EVENTS: readonly EventSummary[] = [];

export function AuditPage() {
  const { event, ...filter } = useSearch({ from: "/shell/audit" });
  const navigate = useNavigate({ from: "/audit" });
  const query = useInfiniteQuery(eventsQuery(filter));
  const rows = useMemo(
    () => query.data?.pages.flatMap(({ list }) => list.map(summaryOf)) ?? NO_EVENTS,
    [query.data],
  );
  const change: ChangeSearch<AuditFilter> = (update) =>
    void navigate({
      to: "/audit",
      search: ({ event: _, ...search }) => update(search),
      replace: true,
    });
  // The table says why its next page is missing.
  const error = query.isFetchNextPageError ? null : query.error;
  const rest = remainingError(error, SHOWN_VIOLATIONS);
  return (
    <PartPage part="Audit" title="Audit" actions={<Actions filter={filter} />}>
      <Filters filter={filter} error={error} onChange={change} />
      {rest === undefined || isDenied(rest)
        ? null
        : <ErrorNote error={rest} onRetry={() => void query.refetch()} />}
      {query.isPending && <Loading rows={12} />}
      {query.data === undefined ? null : (
        <DataTable
          label="Events, newest first"
          columns={COLUMNS}
          rows={rows}
          rowId={({ uid }) => uid}
          rowKeys
          more={moreOf(query)}
          empty={<NoRows filter={filter} onChange={change} />}
        />
      )}
      {event === undefined ? null : (
        <EventDialog
          key={event}
          uid={event}
          onClose={() => void navigate({ to: "/audit", search: filter })}
        />
      )}
    </PartPage>
  );
}

function Actions({ filter }: { readonly filter: AuditFilter }) {
  const [open, setOpen] = useState<"verify" | "download">();
  const mayVerify = useMay()("invoked.AuditService.Verify");
  useCommands(useMemo(() => [
    ...mayVerify
      ? [{ label: "Verify the log …", group: "This list", run: () => setOpen("verify") }]
      : [],
    { label: "Download as JSON lines …", group: "This list", run: () => setOpen("download") },
  ], [mayVerify]));
  const close = () => setOpen(undefined);
  return (
    <>
      {mayVerify && <Button onClick={() => setOpen("verify")}>Verify</Button>}
      <Button onClick={() => setOpen("download")}>Download</Button>
      {open === "verify" && <VerifyDialog onClose={close} />}
      {open === "download" && <DownloadDialog filter={filter} onClose={close} />}
    </>
  );
}

const COLUMNS: readonly Column<EventSummary>[] = [
  {
    header: "Operation",
    cell: ({ uid, operation }) => {
      const { verb, service } = wordsOf(operation);
      return (
        <>
          <Link
            to="/audit"
            search={(search) => ({ ...search, event: uid })}
            title={visibleText(operation)}
          >
            <Name value={verb} />
          </Link>{" "}
          <span className="muted">
            <Name value={service} />
          </span>
        </>
      );
    },
  },
  {
    header: "Outcome",
    width: "150px",
    cell: ({ hasFailed, isUnknown, code, detail, count }) => (
      <>
        {hasFailed
          ? <Badge tone="bad" title={detail}>{code === "" ? "Failure" : code}</Badge>
          : isUnknown
          ? <Badge title="A later event says how the call ended">Unknown</Badge>
          : <Badge tone="good">Success</Badge>}
        {count === 1 ? null : <Badge title="Events of the same kind">× {formatCount(count)}</Badge>}
      </>
    ),
  },
  {
    header: "Actor",
    minor: true,
    readable: 150,
    cell: ({ actor, actorId }) => (
      <span title={actorId}>
        <Name value={actor} />
      </span>
    ),
  },
  {
    header: "Resource",
    minor: true,
    readable: 180,
    cell: ({ resource }) =>
      resource === "" ? <span className="muted">–</span> : <Name value={resource} />,
  },
  { header: "From", width: "120px", minor: true, cell: ({ source }) => <Name value={source} /> },
  timeColumn("Time", 110, ({ time }) => time),
];

function Filters({ filter, error, onChange }: {
  readonly filter: AuditFilter;
  readonly error: unknown;
  readonly onChange: ChangeSearch<AuditFilter>;
}) {
  const set = (change: SearchChange<AuditFilter>) => onChange((search) => changed(search, change));
  const texts = { actor: "", operation: "", resource: "", ...filter };
  const field = fieldsOf(texts, set, (name) => violationOf(error, name));
  return (
    <search className="filters invocations-filters">
      <TypedField label="Actor" type="search" {...field("actor")} focusKey />
      <TypedField label="Operation" type="search" {...field("operation")} />
      <TypedField label="Resource" type="search" {...field("resource")} />
      <SelectField
        label="Outcome"
        value={filter.outcome ?? ""}
        onChange={(outcome) => set({ outcome: isOutcome(outcome) ? outcome : undefined })}
        options={[
          { value: "", label: "Any" },
          ...OUTCOMES.map((value) => ({ value, label: enumWords(value, "") })),
        ]}
      />
      <TimeFields range={filter} set={set} error={error} />
    </search>
  );
}

const FILTERS = ["actor", "operation", "resource", "outcome", "since", "until"] as const;

function NoRows({ filter, onChange }: {
  readonly filter: AuditFilter;
  readonly onChange: ChangeSearch<AuditFilter>;
}) {
  const names = FILTERS.filter((name) => filter[name] !== undefined);
  if (names.length === 0) {
    return <Empty title="No events">Every change, sign-in and denied call is recorded here.</Empty>;
  }
  return (
    <NoMatch
      title="No events match"
      filters={names.map((name) => ({
        label: labelOf(name, filter[name] ?? ""),
        onClear: () => onChange((search) => changed(search, { [name]: undefined })),
      }))}
      onClear={() => onChange(() => ({}))}
    />
  );
}

function labelOf(name: keyof AuditFilter, value: string): string {
  if (name === "since" || name === "until") return timeLabel(name, value);
  return `${name}: ${name === "outcome" ? enumWords(value, "") : value}`;
}
