import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import type { Fn } from "../../../api/client.ts";
import { Badge } from "../../../parts/badge.tsx";
import { Button } from "../../../parts/button.tsx";
import { Dialog } from "../../../parts/dialog.tsx";
import { shortId, visibleText } from "../../../parts/format.ts";
import { Properties } from "../../../parts/page.tsx";
import { Empty, ErrorNote, Loaded, Loading } from "../../../parts/states.tsx";
import { type Column, DataTable, moreOf } from "../../../parts/table.tsx";
import { CommitField, useTyped } from "../../../parts/typed_field.tsx";
import { Name, Time, timeColumn } from "../../../parts/values.tsx";
import { Difference } from "../difference.tsx";
import { PublishDialog } from "../lazy.tsx";
import { LoadDetails } from "../load_report.tsx";
import {
  type CommitContent,
  commitQuery,
  commitsQuery,
  useCommitOptions,
  useFunction,
} from "../queries.ts";
import { publishesQuery, tagsQuery, type TimelineEvent, timelineOf } from "./timeline.ts";

/** A commit that can be published. */
interface Candidate {
  readonly commitId: string;
  /** Whether it was published before. */
  readonly isRollBack: boolean;
}

const FROM = "/shell/functions/$functionId/history";

/** What happened to the function, newest first: its commits and its publishes. */
export function HistoryTab() {
  const fn = useFunction();
  const { commit } = useSearch({ from: FROM });
  const navigate = useNavigate();
  const [candidate, setCandidate] = useState<Candidate>();
  return (
    <>
      <Timeline fn={fn} onPublish={setCandidate} />
      {candidate === undefined
        ? null
        : <PublishDialog fn={fn} {...candidate} onClose={() => setCandidate(undefined)} />}
      {commit === undefined ? null : (
        <CommitDialog
          fn={fn}
          commitId={commit}
          onClose={() =>
            void navigate({ to: "/functions/$functionId/history", params: { functionId: fn.id } })}
        />
      )}
    </>
  );
}

function Timeline(
  { fn, onPublish }: { readonly fn: Fn; readonly onPublish: (candidate: Candidate) => void },
) {
  const commits = useInfiniteQuery(commitsQuery(fn.id));
  const publishes = useInfiniteQuery(publishesQuery(fn.id));
  const tags = useQuery(tagsQuery(fn.id)).data;
  const made = useMemo(() => commits.data?.pages.flatMap(({ list }) => list) ?? [], [commits.data]);
  const published = useMemo(
    () => publishes.data?.pages.flatMap(({ list }) => list) ?? [],
    [publishes.data],
  );
  const events = useMemo(() =>
    timelineOf(
      { list: made, hasMore: commits.hasNextPage },
      { list: published, hasMore: publishes.hasNextPage },
    ), [made, published, commits.hasNextPage, publishes.hasNextPage]);
  const columns = useMemo(() => {
    const purged = made.filter(({ purgedAt }) => purgedAt !== undefined);
    return columnsOf(fn, {
      tags: tags ?? new Map(),
      // A commit is older than its publishes, so they are loaded with it.
      wasPublished: new Set(published.map(({ commitId = "" }) => commitId)),
      isPurged: new Set(purged.map(({ id }) => id)),
      onPublish,
    });
  }, [fn, made, published, tags, onPublish]);

  const error = commits.error ?? publishes.error;
  if (commits.data === undefined || publishes.data === undefined) {
    return error === null ? <Loading /> : <ErrorNote error={error} />;
  }
  return (
    <DataTable
      label="History"
      columns={columns}
      rows={events}
      rowId={({ kind, id }) => `${kind} ${id}`}
      empty={
        <Empty
          title="No commits yet"
          action={
            <Link
              to="/functions/$functionId"
              params={{ functionId: fn.id }}
              className="button button-primary"
            >
              Write the code
            </Link>
          }
        >
          Each save is a commit. Save code here, or deploy a folder with{" "}
          <code>invoked deploy</code>.
        </Empty>
      }
      more={{
        hasMore: commits.hasNextPage || publishes.hasNextPage,
        isLoading: commits.isFetchingNextPage || publishes.isFetchingNextPage,
        error: moreOf(commits).error ?? moreOf(publishes).error,
        load: () => {
          if (commits.hasNextPage) void commits.fetchNextPage();
          if (publishes.hasNextPage) void publishes.fetchNextPage();
        },
      }}
    />
  );
}

interface ColumnContext {
  readonly tags: ReadonlyMap<string, readonly string[]>;
  /** Commits that are or were published. */
  readonly wasPublished: ReadonlySet<string>;
  /** Commits that cannot run any more. */
  readonly isPurged: ReadonlySet<string>;
  readonly onPublish: (candidate: Candidate) => void;
}

function columnsOf(fn: Fn, context: ColumnContext): readonly Column<TimelineEvent>[] {
  return [
    { header: "Event", width: "80px", cell: (event) => <What event={event} /> },
    {
      header: "Commit",
      width: "88px",
      cell: (event) => <CommitLink functionId={fn.id} id={commitIdOf(event)} />,
    },
    {
      header: "Message",
      minor: true,
      cell: (event) => <Message event={event} fn={fn} tags={context.tags} />,
    },
    {
      header: "By",
      width: "150px",
      minor: true,
      cell: (event) => <Name value={authorOf(event)} />,
    },
    timeColumn("Time", 110, ({ at }) => at === "" ? undefined : at),
    {
      header: "Action",
      width: "108px",
      cell: (event) => <PublishButton event={event} fn={fn} context={context} />,
    },
  ];
}

function What({ event }: { readonly event: TimelineEvent }) {
  if (event.kind === "commit") return <span className="muted">Commit</span>;
  const isUnpublish = event.publish.commitId === undefined;
  return <span>{isUnpublish ? "Unpublish" : "Publish"}</span>;
}

function CommitLink({ functionId, id }: { readonly functionId: string; readonly id: string }) {
  if (id === "") return null;
  return (
    <Link
      to="/functions/$functionId/history"
      params={{ functionId }}
      search={{ commit: id }}
      title={id}
    >
      <code>{shortId(id)}</code>
    </Link>
  );
}

function Message({ event, fn, tags }: {
  readonly event: TimelineEvent;
  readonly fn: Fn;
  readonly tags: ReadonlyMap<string, readonly string[]>;
}) {
  const { message = "" } = event.kind === "commit" ? event.commit : event.publish;
  if (event.kind === "publish") return <Name value={message} />;
  const { id, purgedAt } = event.commit;
  return (
    <>
      {id === fn.head && <Badge tone="accent">Head</Badge>}
      {id === fn.publishedCommitId && <Badge tone="good">Published</Badge>}
      {purgedAt === undefined ? null : <Badge tone="bad">Purged</Badge>}
      {tags.get(id)?.map((tag) => <Badge key={tag}>{visibleText(tag)}</Badge>)}{" "}
      <Name value={message} />
    </>
  );
}

/** Publishes a commit; one that was published before is rolled back to. */
function PublishButton({ event, fn, context }: {
  readonly event: TimelineEvent;
  readonly fn: Fn;
  readonly context: ColumnContext;
}) {
  const id = commitIdOf(event);
  const { wasPublished, isPurged, onPublish } = context;
  if (id === "" || id === fn.publishedCommitId || isPurged.has(id) || fn.deletedAt !== undefined) {
    return null;
  }
  const isRollBack = wasPublished.has(id);
  const action = isRollBack ? "Roll back" : "Publish";
  return (
    <Button
      look="plain"
      aria-label={`${action} ${isRollBack ? "to " : ""}${shortId(id)}`}
      onClick={() => onPublish({ commitId: id, isRollBack })}
    >
      {action}
    </Button>
  );
}

function commitIdOf(event: TimelineEvent): string {
  return event.kind === "commit" ? event.id : event.publish.commitId ?? "";
}

function authorOf(event: TimelineEvent): string {
  return (event.kind === "commit" ? event.commit.author : event.publish.publishedBy) ?? "";
}

/** What a commit changed since its parent, or since another commit. */
function CommitDialog({ fn, commitId, onClose }: {
  readonly fn: Fn;
  readonly commitId: string;
  readonly onClose: () => void;
}) {
  const query = useQuery(commitQuery(fn.id, commitId));
  return (
    <Dialog open onClose={onClose} title={`Commit ${shortId(commitId)}`} size="large">
      <Loaded query={query}>{(content) => <Content fn={fn} content={content} />}</Loaded>
    </Dialog>
  );
}

function Content({ fn, content: { commit, parentId, loadReport } }: {
  readonly fn: Fn;
  readonly content: CommitContent;
}) {
  const [other, setOther] = useState(parentId);
  const [typed, type] = useTyped(other, setOther);
  const commits = useCommitOptions(fn);
  const options = [
    ...parentId === "" ? [] : [{ value: parentId, label: `Parent ${shortId(parentId)}` }],
    { value: "", label: "No commit: every file is added" },
    ...commits.filter(({ value }) => value !== commit.id && value !== parentId),
  ];
  return (
    <div className="stack">
      <Properties
        items={[
          ["Message", visibleText(commit.message ?? "")],
          ["By", <Name key="by" value={commit.author ?? ""} />],
          ["Created", <Time key="made" value={commit.createdAt} />],
          ["Id", <code key="id">{commit.id}</code>],
        ]}
      />
      <LoadDetails fn={fn} report={loadReport} />
      <p>
        <Link
          to="/functions/$functionId"
          params={{ functionId: fn.id }}
          search={{ commit: commit.id }}
        >
          Open in the editor
        </Link>
      </p>
      <CommitField label="Compare with" value={typed} onChange={type} options={options} />
      <Difference functionId={fn.id} from={other} to={commit.id} />
    </div>
  );
}
